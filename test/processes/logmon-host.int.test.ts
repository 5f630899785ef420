import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeSync,
  openSync,
  closeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { makeFifo } from '../../src/os/libc.ts';
import { call } from '../../src/rpc/framed-client.ts';
import { logmonMethods as Logmon } from '../../src/rpc/logmon-methods.ts';
import {
  CollectResponse_Way,
  type CollectRequest,
} from '../../src/rpc/gen/holdfast/logmon/v1/logmon.ts';
import { type Host, spawnHost } from '../../src/rpc/spawn-host.ts';
import { segmentsOf, until } from '../fixtures/logmon/laboratory.ts';

const agentEpoch = 1;
let dir = '';
let hosts: Host[] = [];
let held: number[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-'));
  hosts = [];
  held = [];
});
afterEach(async () => {
  for (const { address, channel } of hosts) {
    channel.close();
    await killed(address.pid);
  }
  for (const fd of held) closeSync(fd);
  rmSync(dir, { recursive: true });
});

async function killed(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
    await until('the host is gone', () => !isAlive(pid));
  } catch {
    // It ended by itself.
  }
}

/** A zombie is dead: the host is a child of this process. */
function isAlive(pid: number): boolean {
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
  return stat !== '' && !stat.includes(') Z ');
}

async function host(hostId: string): Promise<Host> {
  const request = { stateDir: dir, kind: 'logmon', instanceId: 'test', agentEpoch } as const;
  const started = await spawnHost({ ...request, hostId });
  hosts.push(started);
  return started;
}

/** Two FIFOs, held as the shim holds them, and the request to collect from them. */
function task(): { readonly request: CollectRequest; readonly out: number; readonly err: number } {
  const stdoutFifo = join(dir, 'web.out');
  const stderrFifo = join(dir, 'web.err');
  const [out = 0, err = 0] = [stdoutFifo, stderrFifo].map((path) => {
    makeFifo(path);
    return openSync(path, 'r+');
  });
  held.push(out, err);
  const names = { agentEpoch, taskKey: 'alloc.web', logDir: dir, fileStem: 'web' };
  return {
    request: {
      ...names,
      stdoutFifo,
      stderrFifo,
      maxFiles: 3,
      maxFileBytes: 1000,
      run: 0,
      compress: false,
      dropWhenFull: false,
      budgetBytes: 0,
      logsRoot: '',
    },
    out,
    err,
  };
}

const key = { agentEpoch, taskKey: 'alloc.web' };

describe('a logmon host', () => {
  it('has everything in the files that was written before it was asked to drain', async () => {
    const { channel } = await host('one');
    const { request, out, err } = task();
    const { way } = await call(channel, Logmon.collect, request);
    expect(way).toBe(CollectResponse_Way.SPLICE);
    writeSync(out, 'to stdout\nand a prompt> ');
    writeSync(err, 'to stderr\n');
    const drained = await call(channel, Logmon.drain, key);
    expect(drained).toEqual({ stdoutBytes: 24, stderrBytes: 10 });
    expect(String((await segmentsOf(dir, 'stdout'))[0])).toBe('to stdout\nand a prompt> ');
    expect(String((await segmentsOf(dir, 'stderr'))[0])).toBe('to stderr\n');
  });

  it('finds that it collects already, and refuses the same task with other files', async () => {
    const { channel } = await host('one');
    const { request } = task();
    await call(channel, Logmon.collect, request);
    await call(channel, Logmon.collect, { ...request, agentEpoch: 2 });
    const other = { ...request, agentEpoch: 2, fileStem: 'other' };
    await expect(call(channel, Logmon.collect, other)).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
  });

  it('collects on with other limits, and loses nothing meanwhile', async () => {
    const { channel } = await host('one');
    const { request, out } = task();
    await call(channel, Logmon.collect, request);
    writeSync(out, 'x'.repeat(900));
    await call(channel, Logmon.collect, { ...request, maxFiles: 5, maxFileBytes: 100 });
    writeSync(out, `${'y'.repeat(99)}\n${'z'.repeat(99)}\n`);
    await call(channel, Logmon.drain, key);
    const written = (await segmentsOf(dir)).map(String);
    expect(written.join('')).toBe(`${'x'.repeat(900)}${'y'.repeat(99)}\n${'z'.repeat(99)}\n`);
    expect(written.length).toBeGreaterThan(1);
  });

  it('never reads a FIFO that another host reads, and takes over where that one was killed', async () => {
    const [first, second] = [await host('one'), await host('two')];
    const { request, out } = task();
    await call(first.channel, Logmon.collect, request);
    await expect(call(second.channel, Logmon.collect, request)).rejects.toMatchObject({
      code: 'WRONG_STATE',
      retryable: true,
    });
    writeSync(out, 'before\n');
    await killed(first.address.pid);
    writeSync(out, 'after\n');
    await call(second.channel, Logmon.collect, request);
    await call(second.channel, Logmon.drain, key);
    expect(String((await segmentsOf(dir))[0])).toBe('before\nafter\n');
  });

  it('drains before it releases, may be asked twice, and can collect again', async () => {
    const { channel } = await host('one');
    const { request, out } = task();
    await call(channel, Logmon.collect, request);
    writeSync(out, 'last words\n');
    await Promise.all([call(channel, Logmon.release, key), call(channel, Logmon.release, key)]);
    await call(channel, Logmon.release, key);
    expect(String((await segmentsOf(dir))[0])).toBe('last words\n');
    writeSync(out, 'more\n');
    await call(channel, Logmon.collect, request);
    await call(channel, Logmon.release, key);
    expect(String((await segmentsOf(dir))[0])).toBe('last words\nmore\n');
  });

  it('stays as long as it collects, whatever it is told, and ends when it does not', async () => {
    const { channel, address } = await host('one');
    const { request } = task();
    await call(channel, Logmon.collect, request);
    expect(await call(channel, Logmon.shutdown, { agentEpoch })).toEqual({ tasks: 1 });
    await call(channel, Logmon.release, key);
    expect(await call(channel, Logmon.shutdown, { agentEpoch })).toEqual({ tasks: 0 });
    await until('it has ended', () => !isAlive(address.pid));
  });

  it('ends when nobody can find it any more, and another one goes on where it was', async () => {
    const { channel, address } = await host('one');
    const { request, out } = task();
    await call(channel, Logmon.collect, request);
    writeSync(out, 'before\n');
    rmSync(join(dir, 'hosts'), { recursive: true });
    await vi.waitFor(() => expect(isAlive(address.pid)).toBe(false), { timeout: 45_000 });
    writeSync(out, 'after\n');
    const second = await host('two');
    await call(second.channel, Logmon.collect, request);
    await call(second.channel, Logmon.drain, key);
    expect(String((await segmentsOf(dir))[0])).toBe('before\nafter\n');
  });

  it('says what is missing instead of collecting half a task', async () => {
    const { channel } = await host('one');
    const { request } = task();
    const nowhere = { ...request, logDir: join(dir, 'nowhere') };
    await expect(call(channel, Logmon.collect, nowhere)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const half = { ...request, stderrFifo: join(dir, 'none') };
    await expect(call(channel, Logmon.collect, half)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(call(channel, Logmon.drain, key)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await call(channel, Logmon.collect, request);
  });
});
