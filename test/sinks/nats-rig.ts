/** A server of NATS of one's own, with its files in a directory of the test. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../acceptance/rig.ts';

export interface NatsServer {
  readonly url: string;
  /** SIGKILL and another one, every so many milliseconds. */
  killAgain(everyMs: number): { end(): Promise<void> };
  close(): Promise<void>;
}

/** Undefined where there is none, or no client. */
export async function natsServer(dir: string): Promise<NatsServer | undefined> {
  // On CI its absence is a failure: there a drill that is left out proves nothing.
  const isThere =
    process.env['CI'] === 'true' || spawnSync('nats-server', ['--version']).status === 0;
  const client = await import('@nats-io/transport-node').catch(() => undefined);
  if (!isThere || client === undefined) return undefined;
  const port = await freePort();
  const files = join(dir, 'nats');
  mkdirSync(files);
  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const args = ['-js', '-sd', files, '-a', '127.0.0.1', '-p', String(port)];
    server = spawn('nats-server', args, { stdio: 'ignore' });
    await until('the server to listen', () => isListening(port));
  };
  const kill = async (): Promise<void> => {
    const ended = new Promise((resolve) => server?.once('exit', resolve));
    server?.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    killAgain(everyMs) {
      const ends = new AbortController();
      const again = async (): Promise<void> => {
        for (;;) {
          await delay(everyMs, undefined, { signal: ends.signal });
          await kill();
          await start();
        }
      };
      const running = again().catch((error: unknown) => {
        if (!ends.signal.aborted) throw error;
      });
      return {
        async end() {
          ends.abort();
          await running;
        },
      };
    },
    close: kill,
  };
}

/** Positions by the ids of what a stream holds, in its order. */
export async function messagesIn(url: string, stream: string): Promise<number[]> {
  const { connect: open } = await import('@nats-io/transport-node');
  const { jetstreamManager } = await import('@nats-io/jetstream');
  const connection = await open({ servers: [url], name: 'test', reconnect: false, timeout: 5_000 });
  try {
    const { streams } = await jetstreamManager(connection);
    const info = (await streams.info(stream)) as { state: { last_seq: number } };
    const found: number[] = [];
    for (let seq = 1; seq <= info.state.last_seq; seq += 1) {
      const message = await streams.getMessage(stream, { seq } as never);
      found.push(Number(message?.header.get('Nats-Msg-Id').split('/')[1]));
    }
    return found;
  } finally {
    await connection.close();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', done(true)).once('error', done(false));
  });
}
