/** Templates that change while real programs run: what each of them is told, once, over the life of agents. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { eventsSoFar, Machine, pidsOf, until } from './rig.ts';

type TaskInput = GroupSpecInput['tasks'][number];
type TemplateInput = NonNullable<TaskInput['templates']>[number];

/** Says what is in its files when it begins, and again whenever it is hung up. */
const SAYS = `
  say() { echo "$1:$(cat local/one),$(cat local/two 2>/dev/null),$CONF"; }
  trap 'say hup' HUP
  say begin
  while :; do sleep 0.1; done`;
const SOON = { splay: '0s', wait: { min: '50ms' } } as const;

let machine: Machine;
let keys: string;
beforeEach(() => {
  machine = new Machine();
  keys = realpathSync(mkdtempSync(join(tmpdir(), 'hf-keys-')));
});
afterEach(async () => {
  await machine.scrap();
  rmSync(keys, { recursive: true, force: true });
});

function put(key: string, value: string): void {
  const path = join(keys, key);
  writeFileSync(`${path}.new`, value);
  renameSync(`${path}.new`, path);
}

const one = (more: Partial<TemplateInput> = {}): TemplateInput => ({
  data: '{{ "a" | key }}',
  destination: 'local/one',
  ...SOON,
  ...more,
});
const two = (more: Partial<TemplateInput> = {}): TemplateInput =>
  one({ data: '{{ "b" | key }}', destination: 'local/two', ...more });

const start = (): Promise<Orchestrator> => machine.startAgent('--template-keys', keys);

async function run(
  agent: Orchestrator,
  templates: TemplateInput[],
  more: Partial<TaskInput> = {},
): Promise<string> {
  const config = { command: 'sh', args: ['-c', SAYS] };
  const task: TaskInput = { name: 'api', driver: 'raw_exec', config, templates, ...more };
  const { allocId } = await agent.run({ name: 'web', tasks: [task] });
  await until('it runs', () => pidsOf(agent, 'web'));
  return allocId;
}

/** What the program has said, when that has so many lines. */
const said = (allocId: string, count: number): Promise<readonly string[]> =>
  until(`${count} lines`, () => {
    if (!existsSync(join(machine.dataDir, 'state', 'logs', allocId))) return false;
    const lines = machine.outputOf(allocId, 'api', 'stdout').split('\n').slice(0, -1);
    return lines.length >= count && lines;
  });

/** Facts about what the task was told, in order. */
async function told(agent: Orchestrator): Promise<readonly string[]> {
  const facts: string[] = [];
  for (const { type, data } of await eventsSoFar(agent, { ref: 'web' })) {
    const { signal, reason, isCounted, hook, message } = data as Record<string, string>;
    if (type === 'TaskSignaled') facts.push(`${signal}: ${reason}`);
    if (type === 'TaskKilling') facts.push(`killing: ${reason}`);
    if (type === 'TaskRestarting') facts.push(isCounted ? 'counted' : 'not counted');
    if (type === 'HookMessage' && hook === 'templates') facts.push(String(message));
  }
  return facts;
}

it('has one restart of a program when several change, also its variables', async () => {
  put('a', '1');
  put('b', '1');
  const agent = await start();
  const hup = { changeMode: 'signal', changeSignal: 'SIGHUP' } as const;
  const env = one({ data: 'CONF=v{{ "b" | key }}', destination: 'local/env', env: true });
  const allocId = await run(agent, [one(), two(hup), env], { restart: { attempts: 0 } });
  expect(await said(allocId, 1)).toEqual(['begin:1,1,v1']);
  put('b', '2');
  expect(await said(allocId, 2)).toEqual(['begin:1,1,v1', 'begin:1,2,v2']);
  // What is written as it was is no change.
  put('a', '1');
  put('b', '3');
  expect((await said(allocId, 3)).slice(2)).toEqual(['begin:1,3,v3']);
  const restart = ['killing: Template with change_mode restart re-rendered', 'not counted'];
  expect(await told(agent)).toEqual([...restart, ...restart]);
}, 120_000);

it('sends one signal for all that changed, when all of it is in place', async () => {
  put('a', '1');
  put('b', '1');
  const agent = await start();
  const hup = { changeMode: 'signal', changeSignal: 'SIGHUP' } as const;
  const data = '{{ "a" | key }}{{ "b" | key }}';
  const allocId = await run(agent, [one(hup), two({ ...hup, data, perms: '0640' })]);
  await said(allocId, 1);
  put('a', '2');
  expect((await said(allocId, 2))[1]).toBe('hup:2,21,');
  put('b', '2');
  expect((await said(allocId, 3))[2]).toBe('hup:2,22,');
  put('a', '3');
  expect((await said(allocId, 4))[3]).toBe('hup:3,32,');
  expect(await told(agent)).toEqual(Array(3).fill('SIGHUP: Template re-rendered'));
  const path = join(machine.dataDir, 'allocs', allocId, 'api', 'local', 'two');
  expect(statSync(path).mode & 0o777).toBe(0o640);
}, 120_000);

it('runs a script beside the program, and lets one that fails count if asked to', async () => {
  put('a', '1');
  const agent = await start();
  const script = (failOnError: boolean): Partial<TemplateInput> => ({
    changeMode: 'script',
    changeScript: {
      command: 'sh',
      args: ['-c', 'cp local/one local/two; test "$(cat local/one)" != 3'],
      failOnError,
      timeout: '20s',
    },
  });
  const allocId = await run(agent, [one(script(true))], {
    restart: { attempts: 1, delay: '0s', interval: '1h' },
  });
  await said(allocId, 1);
  const copy = join(machine.dataDir, 'allocs', allocId, 'api', 'local', 'two');
  put('a', '2');
  await until('the script has ended well', async () => (await told(agent)).length === 1);
  expect(readFileSync(copy, 'utf8')).toBe('2');
  put('a', '3');
  expect((await said(allocId, 2))[1]).toBe('begin:3,3,');
  expect(await told(agent)).toEqual([
    'change script sh ended with exit code 0',
    'killing: change script sh ended with exit code 1',
    'counted',
  ]);
}, 120_000);

it('leaves a program alone where nothing is asked for, and keeps what can not be had', async () => {
  put('a', '1');
  const agent = await start();
  const allocId = await run(agent, [one({ changeMode: 'noop' })]);
  await said(allocId, 1);
  const path = join(machine.dataDir, 'allocs', allocId, 'api', 'local', 'one');
  put('a', '2');
  await until('it is there', () => readFileSync(path, 'utf8') === '2');
  rmSync(join(keys, 'a'));
  await until('it is told', async () => (await told(agent)).length > 0);
  expect(readFileSync(path, 'utf8')).toBe('2');
  put('a', '3');
  await until('it is there again', () => readFileSync(path, 'utf8') === '3');
  expect(await told(agent)).toEqual([
    'templates[0] (local/one) stays as it is: there is no key "a"',
  ]);
  expect(await said(allocId, 1)).toHaveLength(1);
}, 120_000);

it('tells a program what changed while there was no agent, and nothing else', async () => {
  put('a', '1');
  put('b', '1');
  const hup = { changeMode: 'signal', changeSignal: 'SIGHUP' } as const;
  const allocId = await run(await start(), [one(hup), two({ ...hup, once: undefined })]);
  await said(allocId, 1);
  for (const value of ['2', '3']) {
    await machine.killAgent();
    put('a', value);
    const agent = await start();
    const count = Number(value);
    expect((await said(allocId, count)).at(-1)).toBe(`hup:${value},1,`);
    await until('it is recorded', async () => (await notedOf(agent)) >= 2 * (count - 1));
  }
  await machine.killAgent();
  const agent = await start();
  put('b', '2');
  expect((await said(allocId, 4)).at(-1)).toBe('hup:3,2,');
  expect(await told(agent)).toEqual(Array(3).fill('SIGHUP: Template re-rendered'));
  expect((await agent.inspect('web')).tasks[0]).toMatchObject({ run: 1, state: 'running' });
}, 180_000);

/** Once before a change is put in place, and once when the program has been told. */
async function notedOf(agent: Orchestrator): Promise<number> {
  return (await eventsSoFar(agent, { types: ['HookNoted'] })).length;
}

it('waits for what is missing before the first start, and can be ended meanwhile', async () => {
  const agent = await start();
  const config = { command: 'sh', args: ['-c', SAYS] };
  const task: TaskInput = { name: 'api', driver: 'raw_exec', config, templates: [one()] };
  await agent.run({ name: 'web', tasks: [task] });
  await until('it says so', async () => (await told(agent)).length > 0);
  expect(await told(agent)).toEqual(['templates[0] (local/one) waits for key "a"']);
  await agent.stop('web');
  expect((await agent.inspect('web')).tasks[0]?.state).toBe('stopped');
  mkdirSync(join(keys, 'deep'));
  const templates = [one({ data: '{{ "deep/a" | key }}' })];
  const again = await agent.run({ name: 'other', tasks: [{ ...task, templates }] });
  await until('it waits', async () => (await eventsSoFar(agent, { ref: 'other' })).length > 5);
  put('deep/a', 'here');
  expect(await said(again.allocId, 1)).toEqual(['begin:here,,']);
}, 120_000);
