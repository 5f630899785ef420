import { type ChannelCredentials, Client, credentials } from '@grpc/grpc-js';
import { HoldfastError, messageOf } from '../errors.ts';
import { PACKAGE_VERSION } from '../version.ts';
import { MESSAGE_LIMIT_BYTES, type MutualTls } from './grpc-serve.ts';
import { probeSocket } from './unix-socket.ts';

/** Bytes an agent may send ahead of its reader; the default of 64 KB stalls event streams. */
const FLOW_CONTROL_WINDOW_BYTES = 1024 * 1024;

/** A channel to an agent. `Client` has no methods of its own; `call` and `follow` take the method's definition. */
export type Channel = Client;

/**
 * Opens a channel and waits until it is ready. Throws UNAVAILABLE at once when nobody listens, and after `deadlineMs`
 * when somebody does but does not answer. A channel whose agent dies later fails its calls with UNAVAILABLE instead of
 * waiting for a return.
 */
export async function connect(socket: string, deadlineMs: number): Promise<Channel> {
  const verdict = await probeSocket(socket);
  if (verdict === 'dead' || verdict === 'absent') {
    throw new HoldfastError('UNAVAILABLE', `nobody listens on ${socket}`, { details: { verdict } });
  }
  const channel = new Client(`unix:${socket}`, credentials.createInsecure(), CHANNEL_OPTIONS);
  return ready(channel, socket, deadlineMs);
}

/** The same to `host:port`, with a certificate. Throws USAGE for texts that are none. */
export async function connectTcp(
  address: string,
  { ca, cert, key }: MutualTls,
  deadlineMs: number,
): Promise<Channel> {
  const secure = secured(() => credentials.createSsl(ca, key, cert));
  return ready(new Client(address, secure, CHANNEL_OPTIONS), address, deadlineMs);
}

function secured(make: () => ChannelCredentials): ChannelCredentials {
  try {
    return make();
  } catch (cause) {
    const text = `not a certificate, its key and an authority: ${messageOf(cause)}`;
    throw new HoldfastError('USAGE', text, { cause });
  }
}

const CHANNEL_OPTIONS = {
  'grpc.primary_user_agent': `holdfast/${PACKAGE_VERSION}`,
  'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW_BYTES,
  'grpc.max_receive_message_length': MESSAGE_LIMIT_BYTES,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // A pool shared by the process would keep the connection of a closed channel.
  'grpc.use_local_subchannel_pool': 1,
};

function ready(channel: Channel, place: string, deadlineMs: number): Promise<Channel> {
  return new Promise((resolve, reject) => {
    channel.waitForReady(Date.now() + deadlineMs, (error) => {
      if (error === undefined) return resolve(channel);
      channel.close();
      const message = `${place} did not answer within ${deadlineMs} ms: ${messageOf(error)}`;
      reject(new HoldfastError('UNAVAILABLE', message, { cause: error }));
    });
  });
}
