/** What holds for calls between two processes, whichever transport carries them. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import { executorMethods } from '../../src/rpc/executor-methods.ts';
import type { FollowResponse } from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import { type Listener, probeSocket } from '../../src/rpc/unix-socket.ts';
import { type Caller, type ExecutorHandlers, FRAMES, GRPC } from './transports.ts';

const { hello, follow: followMethod } = executorMethods;
const REQUEST = { agentEpoch: 1, instanceId: 'i' };
const GREETING = { hostId: 'h', protocol: 1, version: '0', pid: 1, runs: 0 };

let directory: string;
let socket: string;
let listener: Listener | undefined;
let caller: Caller | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rpc-'));
  socket = join(directory, 'sock');
});

afterEach(async () => {
  caller?.close();
  await listener?.close();
  listener = undefined;
  caller = undefined;
  rmSync(directory, { recursive: true });
});

describe.each([FRAMES, GRPC])('over $name', (transport) => {
  async function open(handlers: Partial<ExecutorHandlers>): Promise<Caller> {
    listener = await transport.serve(handlers, socket);
    caller = await transport.connect(socket, 2_000);
    return caller;
  }

  test('an answer arrives, and the socket is for its owner alone', async () => {
    const opened = await open({ hello: () => GREETING });
    expect(await opened.call(hello, REQUEST)).toEqual(GREETING);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
  });

  test('an error arrives with its code, message and facts, in any script', async () => {
    const thrown = new HoldfastError('START_RETRYABLE', 'größer als 日本', {
      details: { errno: 'EAGAIN', name: 'ä' },
      retryable: false,
    });
    const opened = await open({
      hello: () => {
        throw thrown;
      },
    });
    const error = await opened.call(hello, REQUEST).catch((caught: unknown) => caught);
    expect(HoldfastError.is(error, 'START_RETRYABLE') && error.toData()).toEqual(thrown.toData());
  });

  test('an error too long to be sent whole keeps its code and loses its facts', async () => {
    const opened = await open({
      hello: () => {
        throw new HoldfastError('NOT_FOUND', 'x'.repeat(50_000), {
          details: { long: 'y'.repeat(50_000) },
        });
      },
    });
    await expect(opened.call(hello, REQUEST)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      details: {},
    });
  });

  test('a call that takes too long is a TIMEOUT, an aborted one ABORTED, and the handler hears of it', async () => {
    const ends: string[] = [];
    const opened = await open({
      hello: (_request, signal) =>
        new Promise<typeof GREETING>((resolve) => {
          signal.addEventListener('abort', () => {
            ends.push('gone');
            resolve(GREETING);
          });
        }),
    });
    await expect(opened.call(hello, REQUEST, { deadlineMs: 20 })).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    const abort = new AbortController();
    const running = opened.call(hello, REQUEST, { signal: abort.signal });
    abort.abort();
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(opened.call(hello, REQUEST, { signal: abort.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    await expect.poll(() => ends).toContain('gone');
  });

  test('nobody on the socket is UNAVAILABLE at once, missing or left by the dead', async () => {
    await expect(transport.connect(socket, 60_000)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { verdict: 'absent' },
    });
    const left = await transport.serve({}, socket);
    // Node removes the name it bound; only a process that was killed leaves a socket behind.
    const plain = createServer().listen(join(directory, 'other'));
    await new Promise((resolve) => plain.once('listening', resolve));
    expect(await probeSocket(join(directory, 'other'))).toBe('listening');
    plain.close();
    await left.close();
    expect(await probeSocket(socket)).toBe('absent');
    writeFileSync(socket, '');
    expect(await probeSocket(socket)).toBe('dead');
  });

  test('a channel whose host goes away fails its calls instead of waiting', async () => {
    const opened = await open({ hello: () => GREETING });
    await opened.call(hello, REQUEST);
    await listener?.close();
    await expect(opened.call(hello, REQUEST)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(opened.call(hello, REQUEST)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('a stream that nobody reads makes its source wait, and ends it when the reader leaves', async () => {
    let sent = 0;
    let ended = false;
    const large = 'k'.repeat(64 * 1024);
    async function* source(): AsyncGenerator<FollowResponse> {
      try {
        for (; sent < 10_000; sent += 1) yield { launchKey: large, report: undefined };
      } finally {
        ended = true;
      }
    }
    const opened = await open({ follow: source });
    for await (const message of opened.follow(followMethod, { agentEpoch: 1 })) {
      expect(message.launchKey).toHaveLength(large.length);
      let before = -1;
      // The source stands still once the window and the buffers are full.
      while (before !== sent) {
        before = sent;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(sent).toBeGreaterThan(0);
      expect(sent).toBeLessThan(1_000);
      break;
    }
    await expect.poll(() => ended, { timeout: 5_000 }).toBe(true);
  });

  test('a stream ends where its source ends, fails where it fails, and is silent when aborted', async () => {
    async function* source({ agentEpoch }: { agentEpoch: number }): AsyncGenerator<FollowResponse> {
      yield { launchKey: 'a', report: undefined };
      if (agentEpoch === 2) throw new HoldfastError('EPOCH_STALE', 'older');
      if (agentEpoch === 3) await new Promise(() => undefined);
    }
    const opened = await open({ follow: source });
    const keysOf = async (agentEpoch: number, signal?: AbortSignal): Promise<string[]> => {
      const keys: string[] = [];
      for await (const message of opened.follow(followMethod, { agentEpoch }, { signal })) {
        keys.push(message.launchKey);
      }
      return keys;
    };
    expect(await keysOf(1)).toEqual(['a']);
    await expect(keysOf(2)).rejects.toMatchObject({ code: 'EPOCH_STALE' });
    expect(await keysOf(3, AbortSignal.timeout(50))).toEqual(['a']);
  });

  test('a path too long for a unix socket is refused in words', async () => {
    const long = join(directory, 'd'.repeat(100));
    await expect(transport.serve({}, long)).rejects.toMatchObject({ code: 'DATA_DIR_REFUSED' });
  });
});
