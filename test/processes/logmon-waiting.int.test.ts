import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFifo } from '../../src/os/libc.ts';
import type { Channel } from '../../src/rpc/framed-channel.ts';
import { call } from '../../src/rpc/framed-client.ts';
import type { CollectRequest } from '../../src/rpc/gen/holdfast/logmon/v1/logmon.ts';
import { logmonMethods as Logmon } from '../../src/rpc/logmon-methods.ts';
import { type Host, spawnHost } from '../../src/rpc/spawn-host.ts';
import { until } from '../fixtures/logmon/laboratory.ts';

const agentEpoch = 1;
const key = { agentEpoch, taskKey: 'alloc.web' };
let dir = '';
let logDir = '';
let host: Host;
let held: number[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hf-'));
  logDir = join(dir, 'logs', 'alloc');
  mkdirSync(join(dir, 'logs'));
  const request = { stateDir: dir, kind: 'logmon', instanceId: 'test', agentEpoch } as const;
  host = await spawnHost({ ...request, hostId: 'one' });
});
afterEach(async () => {
  host.channel.close();
  process.kill(host.address.pid, 'SIGKILL');
  for (const fd of held) closeSync(fd);
  held = [];
  rmSync(dir, { recursive: true });
});

async function collect(): Promise<{ request: CollectRequest; out: number; channel: Channel }> {
  const [stdoutFifo, stderrFifo] = [join(dir, 'web.out'), join(dir, 'web.err')];
  const fds = [stdoutFifo, stderrFifo].map((path) => {
    makeFifo(path);
    return openSync(path, 'r+');
  });
  held.push(...fds);
  const request: CollectRequest = {
    ...key,
    stdoutFifo,
    stderrFifo,
    logDir,
    fileStem: 'web',
    maxFiles: 3,
    maxFileBytes: 1000,
    run: 1,
    compress: false,
    dropWhenFull: false,
    budgetBytes: 0,
    logsRoot: join(dir, 'logs'),
  };
  await call(host.channel, Logmon.collect, request);
  return { request, out: fds[0] ?? -1, channel: host.channel };
}

/** What the host says of output that it cannot write. */
async function waiting(): Promise<readonly object[]> {
  const request = { agentEpoch, instanceId: 'test' };
  return (await call(host.channel, Logmon.hello, request)).waiting;
}

describe('a logmon host whose directory of output', () => {
  it('is missing makes it, for the group to read', async () => {
    await collect();
    expect(statSync(logDir).mode & 0o777).toBe(0o750);
  });

  it('cannot be written to says whose output waits, since when and why', async () => {
    const { out } = await collect();
    rmSync(logDir, { recursive: true });
    writeFileSync(logDir, 'no directory');
    const before = Date.now();
    writeSync(out, 'hello\n');
    await until('it waits', async () => (await waiting()).length > 0);
    const [one] = await waiting();
    expect(one).toEqual({ taskKey: key.taskKey, reason: 'ENOTDIR', sinceMs: expect.any(Number) });
    expect(one).toMatchObject({ sinceMs: expect.toSatisfy((ms: number) => ms >= before) });
    rmSync(logDir);
    await until('it is written', async () => (await waiting()).length === 0);
    expect(readFileSync(join(logDir, 'web.stdout.0'), 'utf8')).toBe('hello\n');
  });

  it('has room again lets go of a task that is over, though nobody asks again', async () => {
    const { request, out, channel } = await collect();
    rmSync(logDir, { recursive: true });
    writeFileSync(logDir, 'no directory');
    writeSync(out, 'the last words\n');
    await expect(call(channel, Logmon.release, key)).rejects.toMatchObject({
      code: 'RESOURCES_EXHAUSTED',
    });
    rmSync(logDir);
    await until('the FIFOs are gone', () => !existsSync(request.stdoutFifo));
    expect(existsSync(request.stderrFifo)).toBe(false);
    expect(readFileSync(join(logDir, 'web.stdout.0'), 'utf8')).toBe('the last words\n');
    await until('it has nothing', async () => {
      const { tasks } = await call(channel, Logmon.hello, { agentEpoch, instanceId: 'test' });
      return tasks === 0;
    });
  }, 30_000);
});
