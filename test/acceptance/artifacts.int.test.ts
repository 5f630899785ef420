/** What is fetched for a real program, by agents that are killed over it; and what can be said about it afterwards. */
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import { inRanges, web } from '../hooks/artifacts/fetching.ts';
import { tgzOf } from '../hooks/artifacts/archives.ts';
import { Machine, until } from './rig.ts';

let machine: Machine;
let agent: Orchestrator;

beforeEach(async () => {
  machine = new Machine();
  agent = await machine.startAgent();
});
afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await machine.scrap();
});

const SIZE = 3_000_000;
const CONTENT = Buffer.alloc(SIZE, 'holdfast ');
const SUM = `sha256:${createHash('sha256').update(CONTENT).digest('hex')}`;

/** One is there for good, and half of the other. */
function isHalfDone(allocId: string): boolean {
  const room = join(machine.dataDir, 'allocs', allocId, '.artifacts', 'app');
  if (!existsSync(room)) return false;
  const names = readdirSync(room, { recursive: true, encoding: 'utf8' });
  const sizes = names
    .filter((name) => name.endsWith('/got'))
    .map((name) => statSync(join(room, name)).size);
  return names.some((name) => name.endsWith('.fetched')) && Math.max(0, ...sizes) >= SIZE / 2;
}

it('goes on where an agent was killed, asks for nothing twice, and starts the program once', async () => {
  const script = tgzOf([
    { name: 'run.sh', content: '#!/bin/sh\nwc -c < local/data\n', mode: 0o755 },
  ]);
  const whole = inRanges(CONTENT, '"v1"');
  let held: ServerResponse | undefined;
  const { url, asked } = await web((request, response) => {
    if (request.url === '/script.tgz') return response.end(script);
    if (held !== undefined) return whole(request, response);
    held = response;
    response.writeHead(200, { etag: '"v1"', 'content-length': SIZE });
    return response.write(CONTENT.subarray(0, SIZE / 2));
  });
  const artifacts = [
    { source: `${url}/script.tgz`, destination: 'local/bin' },
    { source: `\${BASE}/data`, checksum: SUM },
  ];
  const config = { command: 'local/bin/run.sh' };
  const task = { name: 'app', driver: 'raw_exec', config, env: { BASE: url }, artifacts };
  const { allocId } = await agent.run({ name: 'shop', type: 'batch', tasks: [task] });
  await until('half of it has come', () => isHalfDone(allocId));
  await machine.killAgent();
  agent = await machine.startAgent();
  const view = await (await agent.alloc(allocId)).wait();
  expect(view).toMatchObject({ state: 'complete', tasks: [{ run: 1, exitCode: 0 }] });
  expect(asked.map((one) => [one.url, one.headers.range])).toEqual([
    ['/script.tgz', undefined],
    ['/data', undefined],
    ['/data', `bytes=${SIZE / 2}-`],
  ]);
  expect(machine.holdfast('logs', 'shop/app').stdout.trim()).toBe(String(SIZE));

  const told = (await agent.alloc(allocId)).task('app');
  expect((await told.nomadEvents()).map(({ type }) => type)).toContain('Downloading Artifacts');
  const why = machine.holdfast('why', 'shop/app');
  expect(why.stdout).toMatch(
    /^shop\/app\n.*it is over, complete.*\n.*because run 1 exited with code 0\n$/,
  );
  const history = machine.holdfast('history', 'shop/app').stdout;
  expect(history).toMatch(/starting → running +run 1 started/);
});

it('says what cannot be had, and where to look', async () => {
  const { url } = await web((_request, response) => {
    response.end(tgzOf([{ name: '../../../../escaped', content: 'x' }]));
  });
  const artifacts = [{ source: `${url}/bad.tgz` }];
  const task = { name: 'app', driver: 'raw_exec', config: { command: 'true' }, artifacts };
  const handle = await agent.run({ name: 'bad', type: 'batch', tasks: [task] });
  const view = await handle.wait();
  const fault = `artifact ${url}/bad.tgz: "../../../../escaped" leads out of the archive`;
  expect(view).toMatchObject({ state: 'failed', tasks: [{ run: 0, failed: true }] });
  expect(view.tasks[0]?.reason).toContain(fault);
  const [chain] = await agent.why('bad/app');
  expect(chain?.task).toBe('app');
  expect(chain?.causes.map(({ type }) => type)).toEqual([
    'TaskNotRestarting',
    'HookFailed',
    'AllocReceived',
    'CommandReceived',
  ]);
  const history = await agent.history('bad');
  expect(history.find(({ type }) => type === 'HookFailed')?.text).toContain(fault);
  const [asked, received] = history;
  expect([asked?.type, received?.type]).toEqual(['CommandReceived', 'AllocReceived']);
  const early = machine.holdfast('history', 'bad', '--all', '--at', String(received?.position));
  expect(early.stdout.trimEnd().split('\n')).toHaveLength(3);
  expect(machine.holdfast('history', 'bad', '--at', '999999').status).toBe(1);
  expect(machine.holdfast('why', 'none').status).toBe(3);
  expect(machine.holdfast('history', 'bad', '--nomad').status).toBe(2);
});
