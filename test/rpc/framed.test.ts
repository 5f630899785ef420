/** What only the frames promise: refusal of strangers, many calls at once, a connection that comes back. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { ownIdentity } from '../../src/os/process-identity.ts';
import { executorMethods } from '../../src/rpc/executor-methods.ts';
import { type Channel, openChannel } from '../../src/rpc/framed-channel.ts';
import { call, follow } from '../../src/rpc/framed-client.ts';
import { encodeFrame, type Frame, FrameDecoder, WINDOW_BYTES } from '../../src/rpc/frames.ts';
import type { FollowResponse } from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import { untilLost } from '../../src/rpc/host-loss.ts';
import type { Listener } from '../../src/rpc/unix-socket.ts';
import { type ExecutorHandlers, FRAMES } from './transports.ts';

const REQUEST = { agentEpoch: 1, instanceId: 'i' };
const GREETING = { hostId: 'h', protocol: 1, version: '0', pid: 1, runs: 0 };

let directory: string;
let socket: string;
let listener: Listener | undefined;
let channel: Channel | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'framed-'));
  socket = join(directory, 'sock');
});

afterEach(async () => {
  channel?.close();
  await listener?.close();
  rmSync(directory, { recursive: true });
});

async function open(handlers: Partial<ExecutorHandlers>): Promise<Channel> {
  listener = await FRAMES.serve(handlers, socket);
  channel = await openChannel(socket, 2_000);
  return channel;
}

/** A stranger on the socket, and every frame that it is sent until it is cut off. */
async function strangerSends(bytes: Buffer): Promise<{ frames: Frame[]; stranger: Socket }> {
  const stranger = connect(socket);
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  stranger.on('data', (chunk) => frames.push(...decoder.push(chunk)));
  stranger.write(bytes);
  await new Promise((resolve) => stranger.once('close', resolve));
  return { frames, stranger };
}

test.each([
  ['another protocol', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ['what only a host sends', encodeFrame('item', 1)],
])('%s is told why and cut off, and nobody else', async (_what, bytes) => {
  const opened = await open({ hello: () => GREETING });
  const { frames } = await strangerSends(bytes);
  expect(frames).toMatchObject([{ kind: 'error', id: 0 }]);
  expect(frames[0]?.payload.toString()).toContain('not a frame of this protocol');
  expect(await call(opened, executorMethods.hello, REQUEST)).toEqual(GREETING);
});

test('a method that the host does not have is CAPABILITY_MISSING', async () => {
  const opened = await open({});
  const method = { ...executorMethods.hello, path: '/holdfast.executor.v1.ExecutorService/New' };
  await expect(call(opened, method, REQUEST)).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' });
});

test('a message over 4 MiB fails its own call on either side, and no other', async () => {
  const long = 'x'.repeat(5 * 1024 * 1024);
  const opened = await open({
    hello: ({ instanceId }) => ({ ...GREETING, hostId: instanceId === 'long' ? long : 'h' }),
  });
  const greet = (instanceId: string): Promise<unknown> =>
    call(opened, executorMethods.hello, { agentEpoch: 1, instanceId });
  const refused = { code: 'RESOURCES_EXHAUSTED', retryable: false };
  await expect(greet(long)).rejects.toMatchObject(refused);
  await expect(greet('long')).rejects.toMatchObject(refused);
  expect(await greet('short')).toMatchObject(GREETING);
});

test('answers come in any order, and a stream that nobody reads holds up no call', async () => {
  let sent = 0;
  const launchKey = 'k'.repeat(10_000);
  const opened = await open({
    hello: async ({ instanceId }) => {
      await new Promise((resolve) => setTimeout(resolve, 50 - Number(instanceId)));
      return { ...GREETING, hostId: instanceId };
    },
    follow: async function* () {
      for (; ; sent += 1) yield { launchKey, report: undefined } satisfies FollowResponse;
    },
  });
  const stream = follow(opened, executorMethods.follow, { agentEpoch: 1 });
  await stream.next();
  const names = Array.from({ length: 50 }, (_one, index) => String(index));
  const greetings = await Promise.all(
    names.map((instanceId) => call(opened, executorMethods.hello, { agentEpoch: 1, instanceId })),
  );
  expect(greetings.map(({ hostId }) => hostId)).toEqual(names);
  expect(sent * launchKey.length).toBeLessThan(WINDOW_BYTES + launchKey.length);
  // What was held back comes once somebody reads.
  for (let read = 0; read < 100; read += 1) expect((await stream.next()).done).toBe(false);
  await stream.return();
});

test('a host that ends answers what runs, ends streams and takes nothing new', async () => {
  let release: (value: typeof GREETING) => void = () => undefined;
  const opened = await open({
    hello: () => new Promise((resolve) => (release = resolve)),
    follow: async function* (_request, signal) {
      yield { launchKey: 'a', report: undefined };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  });
  const stream = follow(opened, executorMethods.follow, { agentEpoch: 1 });
  await stream.next();
  const running = call(opened, executorMethods.hello, REQUEST);
  const cut = stream.next();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const closed = listener?.close(10_000);
  await expect(cut).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'the host is ending' });
  await expect(call(opened, executorMethods.hello, REQUEST)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  release(GREETING);
  expect(await running).toEqual(GREETING);
  await closed;
  expect(readdirSync(directory)).toEqual([]);
});

test('a connection that breaks under a living host fails its calls and comes back', async () => {
  const opened = await open({
    hello: () => GREETING,
    launch: () => new Promise(() => undefined),
  });
  const address = {
    hostId: 'h',
    kind: 'executor',
    protocol: 1,
    version: '0',
    socket,
    ...ownIdentity(machineEpoch()),
  } as const;
  const stop = new AbortController();
  const lost = untilLost({ channel: opened, address }, machineEpoch(), stop.signal);
  const stuck = call(opened, executorMethods.launch, LAUNCH);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await listener?.close();
  await expect(stuck).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  listener = await FRAMES.serve({ hello: () => GREETING }, socket);
  await expect
    .poll(() => call(opened, executorMethods.hello, REQUEST).catch(() => undefined))
    .toEqual(GREETING);
  stop.abort();
  await lost;
});

const LAUNCH = executorMethods.launch.requestDeserialize(Buffer.alloc(0));
