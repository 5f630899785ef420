/** What hooks give beside variables: secrets, mounts and users, over the life of an agent and into that of the next. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Driver, RunRequest } from '../../src/drivers/driver.ts';
import { HoldfastError } from '../../src/errors.ts';
import { defineHook, type Hook, type PrestartResult } from '../../src/hooks/hook.ts';
import { mockDriver } from '../../src/testing/index.ts';
import type { TaskMount } from '../../src/spec/task-spec.ts';
import { eventually, MockAgent } from './mock-agent.ts';

const CANARY = 'canary-5f3a';
const SECRET = { name: 'token', value: CANARY, env: 'TOKEN' };
const MOUNT: TaskMount = { type: 'tmpfs', destination: '/cache', readOnly: false };

const giving = (name: string, gift: PrestartResult, calls: string[] = []): Hook =>
  defineHook({
    name,
    async prestart() {
      calls.push(name);
      return gift;
    },
  });

/** Tells what it was asked to start; `hangs` as long as it says so. */
function watched(agent: MockAgent, hangs: () => boolean = () => false) {
  const started: RunRequest[] = [];
  const driver: Driver = {
    ...mockDriver(agent.world),
    mounts: 'all',
    userOf: ({ user }) => user,
    async start(run, doors, signal) {
      if (hangs()) await new Promise((_, no) => signal.addEventListener('abort', no));
      started.push(run);
      return mockDriver(agent.world).start(run, doors, signal);
    },
  };
  return { started, driver };
}

/** Every file below a directory that holds this text. */
function filesWith(dir: string, text: string): readonly string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text));
}

describe('a secret that a hook gives', () => {
  it('is in the environment, and nowhere else but by name and hash', async () => {
    const agent = new MockAgent();
    const { started, driver } = watched(agent);
    const fetches = giving('fetches', { secrets: [SECRET], isDone: true });
    const orchestrator = await agent.open({ hooks: [fetches], drivers: [driver] });
    await agent.start('web', {}, {}, { env: { URL: 'x:${TOKEN}' } });
    await agent.until('web', 'running');
    expect(started[0]?.env).toMatchObject({ TOKEN: CANARY, URL: `x:${CANARY}` });
    const completed = (await agent.events('web')).filter(({ type }) => type === 'HookCompleted');
    const { env, isDone } = (completed.at(-1)?.data ?? {}) as { env: object[]; isDone: boolean };
    expect(isDone).toBe(false);
    expect(env).toEqual([
      { name: 'TOKEN', secret: 'token', hash: expect.stringMatching(/^[0-9a-f]{32}$/) },
    ]);
    const { dataDir } = await orchestrator.agent();
    expect(filesWith(dataDir, CANARY)).toEqual([]);
    expect(JSON.stringify(await orchestrator.env('web'))).not.toContain(CANARY);
    expect(statSync(join(dataDir, 'state', 'secret-key')).mode & 0o777).toBe(0o600);
  });

  it('has another hash when it is another one, with the same key in the next agent', async () => {
    const hashes: unknown[] = [];
    const agent = new MockAgent();
    let value = 'one';
    const fetches = defineHook({
      name: 'fetches',
      prestart: async () => ({ secrets: [{ name: 'token', value, env: 'TOKEN' }] }),
    });
    const look = async (): Promise<void> => {
      const { variables } = await agent.orchestrator.env('web');
      hashes.push(variables.find(({ name }) => name === 'TOKEN')?.hash);
    };
    const runs = (count: number) =>
      eventually(() => expect(agent.world.runs('web')).toHaveLength(count));
    await agent.open({ hooks: [fetches] });
    await agent.start('web');
    await agent.until('web', 'running');
    await look();
    for (const [index, next] of ['one', 'two'].entries()) {
      value = next;
      await agent.reopen({ hooks: [fetches] });
      await agent.orchestrator.restart('web');
      await runs(index + 2);
      await agent.until('web', 'running');
      await look();
    }
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[2]).not.toBe(hashes[0]);
  });

  it.each(['first', 'second', 'third', 'start'])(
    'is fetched again by an agent that comes after one that died in %s, and nothing else is',
    async (point) => {
      const agent = new MockAgent();
      const calls: string[] = [];
      let isFirst = true;
      const at = (name: string, gift: PrestartResult): Hook =>
        defineHook({
          name,
          async prestart(_request, { signal }) {
            calls.push(name);
            if (isFirst && point === name) {
              await new Promise((_, no) => signal.addEventListener('abort', no));
            }
            return gift;
          },
        });
      const hooks = [
        at('first', { isDone: true, env: { ONE: '1' }, mounts: [MOUNT], user: 'root' }),
        at('second', { secrets: [SECRET] }),
        at('third', { isDone: true, state: { a: 'b' } }),
      ];
      const hanging = watched(agent, () => point === 'start');
      await agent.open({ hooks, drivers: [hanging.driver] });
      await agent.start('web');
      const reached = ['first', 'second', 'third'].slice(
        0,
        'first second third'.split(' ').indexOf(point) + 1,
      );
      const expected = point === 'start' ? ['first', 'second', 'third'] : reached;
      await eventually(() => expect(calls).toEqual(expected));
      if (point === 'start') {
        await eventually(async () => expect(await agent.types('web')).toContain('RunStarting'));
      } else {
        // What quick hooks gave is recorded while a slow one works.
        await agent.clock.advance('1s');
        const recorded = async () =>
          (await agent.types('web')).filter((type) => type === 'HookCompleted').length;
        await eventually(async () =>
          expect(await recorded()).toBeGreaterThanOrEqual(2 + reached.length),
        );
      }
      calls.length = 0;
      isFirst = false;
      const { started, driver } = watched(agent);
      await agent.reopen({ hooks, drivers: [driver] });
      await agent.until('web', 'running');
      const again = { first: ['first', 'second', 'third'], third: ['second', 'third'] };
      expect(calls).toEqual({ ...again, second: ['second', 'third'], start: ['second'] }[point]);
      expect(started).toHaveLength(1);
      expect(started[0]?.env).toMatchObject({ TOKEN: CANARY, ONE: '1' });
      expect(started[0]?.task).toMatchObject({ mounts: [MOUNT], user: 'root' });
      const starting = (await agent.types('web')).filter((type) => type === 'RunStarting');
      expect(starting).toHaveLength(1);
    },
  );

  it('refuses the start by its name when it cannot be fetched again', async () => {
    const agent = new MockAgent();
    let isThere = true;
    const fetches = defineHook({
      name: 'fetches',
      async prestart() {
        if (isThere) return { secrets: [SECRET] };
        throw new HoldfastError('HOOK_FAILED', 'the vault is closed');
      },
    });
    await agent.open({ hooks: [fetches], drivers: [watched(agent, () => true).driver] });
    await agent.start('web');
    await eventually(async () => expect(await agent.types('web')).toContain('RunStarting'));
    isThere = false;
    const { started, driver } = watched(agent);
    await agent.reopen({ hooks: [fetches], drivers: [driver] });
    const { reason } = await agent.until('web', 'failed');
    expect(reason).toContain('fetches: the vault is closed');
    expect(started).toEqual([]);
  });

  it('is told to the hooks after it by its name, until the task is over', async () => {
    const agent = new MockAgent();
    const seen: unknown[] = [];
    const asks = defineHook({
      name: 'asks',
      prestart: async (_request, { secret }) => void seen.push(secret('token'), secret('other')),
      cleanup: async (_request, { secret }) => void seen.push(secret('token')),
    });
    await agent.open({ hooks: [asks, giving('fetches', { secrets: [SECRET] })] });
    await agent.start('web');
    await agent.until('web', 'running');
    await agent.orchestrator.stop('web');
    expect(seen).toEqual([undefined, undefined, CANARY]);
  });
});

describe('mounts and a user that a hook gives', () => {
  it('are those of later hooks, of the program, and of later starts without the hook', async () => {
    const agent = new MockAgent();
    const seen: unknown[] = [];
    const gives = giving('gives', { mounts: [MOUNT], user: 'root', isDone: true });
    const sees = defineHook({
      name: 'sees',
      prestart: async ({ task }) => void seen.push(task.user, task.mounts),
    });
    const { started, driver } = watched(agent);
    await agent.open({ hooks: [gives, sees], drivers: [driver] });
    await agent.start('web', {}, {}, { user: 'nobody' });
    await agent.until('web', 'running');
    const next = watched(agent);
    await agent.reopen({ hooks: [sees, gives], drivers: [next.driver] });
    await agent.orchestrator.restart('web');
    await eventually(() => expect(next.started).toHaveLength(1));
    expect(seen).toEqual(['root', [MOUNT], 'root', [MOUNT]]);
    for (const { task } of [...started, ...next.started])
      expect(task).toMatchObject({ user: 'root', mounts: [MOUNT] });
  });

  it('refuse the start where the driver has no mounts', async () => {
    const agent = new MockAgent();
    await agent.open({ hooks: [giving('gives', { mounts: [MOUNT] })] });
    await agent.start('web');
    const { reason } = await agent.until('web', 'failed');
    expect(reason).toContain('driver mock has no volumes and mounts');
    expect(agent.world.runs('web')).toEqual([]);
  });

  it.each([
    [{ mounts: [{ ...MOUNT, destination: '/a/../etc' }] }, 'absolute path without'],
    [{ mounts: [{ ...MOUNT, destination: '/proc/' }] }, 'nothing can be mounted on /proc/'],
    [{ user: 'a b' }, '"a b" is no user'],
    [{ env: { 'A=B': '' } }, 'cannot name a variable'],
    [{ env: { A: 'a\0' } }, 'variable A holds a NUL byte'],
    [{ secrets: [{ ...SECRET, value: 'x'.repeat(200_000) }] }, 'secret token is longer than 128'],
    [{ secrets: [{ ...SECRET, name: '../x' }] }, 'cannot name a secret'],
  ])(
    'fail the hook that gives what no program can have: %#',
    async (gift: PrestartResult, text) => {
      const agent = new MockAgent();
      await agent.open({ hooks: [giving('gives', gift)] });
      await agent.start('web');
      const { reason } = await agent.until('web', 'failed');
      expect(reason).toContain(text);
      expect(reason).not.toContain(CANARY);
    },
  );
});

describe('a hook that acts on its task', () => {
  it('has it restarted without a count, with one, and sends it a signal', async () => {
    const agent = new MockAgent();
    let count = 0;
    const acts = defineHook({
      name: 'acts',
      async start(_request, { restart, sendSignal }) {
        count += 1;
        if (count === 1) await restart('something changed');
        if (count === 2) await restart('a check failed', { isCounted: true });
        if (count === 3) await sendSignal('SIGHUP', 'something changed');
      },
    });
    await agent.open({ hooks: [acts] });
    const restart = { attempts: 1, interval: '1h', delay: '0s', mode: 'fail' } as const;
    await agent.start('web', {}, {}, { restart });
    await eventually(async () => {
      await agent.clock.advance('1s');
      expect(agent.world.runs('web').at(-1)?.signals).toEqual(['SIGHUP']);
    });
    const data = (await agent.events('web'))
      .filter(({ type }) => type === 'TaskRestarting' || type === 'TaskSignaled')
      .map((event) => event.data);
    expect(data).toMatchObject([
      { isCounted: false, reason: expect.stringContaining('something changed') },
      { isCounted: true },
      { signal: 'SIGHUP', reason: 'something changed' },
    ]);
  });

  it('is told when there is no program that it could act on', async () => {
    const agent = new MockAgent();
    const faults: unknown[] = [];
    const acts = defineHook({
      name: 'acts',
      async prestart(_request, { restart, sendSignal, exec }) {
        for (const act of [
          () => restart('x'),
          () => sendSignal('SIGHUP', 'x'),
          () => exec(['true'], { timeoutMs: 1_000 }),
        ]) {
          await act().catch((error: HoldfastError) => faults.push(error.code));
        }
      },
    });
    const openSession = async (): Promise<void> => {};
    await agent.open({ hooks: [acts], drivers: [{ ...mockDriver(agent.world), openSession }] });
    await agent.start('web');
    await agent.until('web', 'running');
    expect(faults).toEqual(['WRONG_STATE', 'WRONG_STATE', 'WRONG_STATE']);
  });
});
