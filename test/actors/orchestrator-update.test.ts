/** Updates of live allocs, told by the order of what is recorded of them, through agents that come and go. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PublicEvent, RunOptions } from '../../src/api.ts';
import { defineHook } from '../../src/hooks/hook.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { eventually, MockAgent } from './mock-agent.ts';

type Task = GroupSpecInput['tasks'][number];

const task = (name: string, more: Partial<Task> = {}): Task => ({ name, driver: 'mock', ...more });
const WEB = task('web');
const SIDE = task('side', { lifecycle: { hook: 'prestart', sidecar: true } });
const LEAD = task('lead', { leader: true });
const SEED = task('seed', { lifecycle: { hook: 'prestart' } });
const BYE = task('bye', { lifecycle: { hook: 'poststop' } });

class Shop {
  readonly agent = new MockAgent();

  static async of(...tasks: readonly Task[]): Promise<Shop> {
    const shop = new Shop();
    await shop.agent.open();
    await shop.run(tasks);
    return shop;
  }

  async run(
    tasks: readonly Task[],
    more: Partial<GroupSpecInput> = {},
    options: RunOptions = {},
  ): Promise<string> {
    const spec = { name: 'shop', tasks: [...tasks], ...more };
    return (await this.agent.orchestrator.run(spec, options)).allocId;
  }

  async until(wanted: Readonly<Record<string, string>>, ref = 'shop'): Promise<void> {
    await eventually(async () => {
      const { tasks } = await this.agent.orchestrator.inspect(ref);
      const states = Object.fromEntries(tasks.map((one) => [one.task, one.state]));
      expect(states).toEqual(wanted);
    });
  }

  /** What happened since `from`, of these types: `web TaskKilling`, or only the type of what is about the alloc. */
  async steps(types: readonly string[], ref?: string): Promise<readonly string[]> {
    const events = await this.agent.events(ref);
    return events.filter(({ type }) => types.includes(type)).map(stepOf);
  }

  async newest(type: string): Promise<PublicEvent | undefined> {
    return (await this.agent.events()).findLast((event) => event.type === type);
  }
}

function stepOf({ task: name, type }: PublicEvent): string {
  return name === null ? type : `${name} ${type}`;
}

describe('an update in place', () => {
  it('restarts nobody, and counts from then on', async () => {
    const shop = await Shop.of(task('web', { restart: { attempts: 0 } }));
    await shop.until({ web: 'running' });
    const patient = task('web', { restart: { attempts: 1, delay: '0s' }, killTimeout: '9s' });
    await shop.run([patient]);
    await eventually(async () => {
      expect(await shop.steps(['AllocUpdated', 'TaskUpdated', 'UpdateCompleted'])).toEqual([
        'AllocUpdated',
        'web TaskUpdated',
        'web UpdateCompleted',
      ]);
    });
    expect(await shop.agent.orchestrator.inspect('shop')).toMatchObject({ version: 2 });
    shop.agent.world.exit('web', { exitCode: 1 });
    await eventually(async () => expect((await shop.agent.view('shop')).run).toBe(2));
    await shop.until({ web: 'running' });
    await shop.agent.orchestrator.stop('shop');
    expect((await shop.newest('TaskKilling'))?.data).toMatchObject({ killTimeoutMs: 9_000 });
  });

  it('that is asked for again is done already', async () => {
    const shop = await Shop.of(WEB);
    await shop.until({ web: 'running' });
    const first = await shop.run([WEB], { labels: { a: '1' } });
    const again = await shop.run([WEB], { labels: { a: '1' } }, { ifVersion: 1 });
    expect(again).toBe(first);
    expect(await shop.steps(['AllocUpdated', 'TaskUpdated'])).toEqual(['AllocUpdated']);
  });

  it('is seen to by the hooks of a running program, in their order, with the new task', async () => {
    const seen: string[] = [];
    const hook = (name: string) =>
      defineHook({
        name,
        update: async ({ task: { killTimeoutMs } }) => void seen.push(`${name} ${killTimeoutMs}`),
      });
    const agent = new MockAgent();
    const orchestrator = await agent.open({ hooks: [hook('first'), hook('second')] });
    await orchestrator.run({ name: 'shop', tasks: [WEB] });
    await agent.until('shop', 'running');
    await orchestrator.run({ name: 'shop', tasks: [task('web', { killTimeout: '9s' })] });
    await eventually(() => expect(seen).toEqual(['first 9000', 'second 9000']));
    await eventually(async () => expect(await agent.types('shop')).toContain('UpdateCompleted'));
    await agent.reopen({ hooks: [hook('first'), hook('second')] });
    await agent.until('shop', 'running');
    expect(seen).toHaveLength(2);
  });

  it('is seen to by the next agent when the first died in the middle of it', async () => {
    const calls: string[] = [];
    const hook = (isSlow: boolean) =>
      defineHook({
        name: 'mine',
        update: async (_request, { signal }) => {
          calls.push(isSlow ? 'begun' : 'again');
          if (!isSlow) return;
          await new Promise((_resolve, reject) => signal.addEventListener('abort', reject));
        },
      });
    const agent = new MockAgent();
    const orchestrator = await agent.open({ hooks: [hook(true)] });
    await orchestrator.run({ name: 'shop', tasks: [WEB] });
    await agent.until('shop', 'running');
    await orchestrator.run({ name: 'shop', tasks: [task('web', { killTimeout: '9s' })] });
    await eventually(() => expect(calls).toEqual(['begun']));
    await agent.reopen({ hooks: [hook(false)] });
    await eventually(() => expect(calls).toEqual(['begun', 'again']));
    await eventually(async () => expect(await agent.types('shop')).toContain('UpdateCompleted'));
  });
});

describe('an update that restarts', () => {
  it('ends and starts those whose spec has changed, by the kill order, uncounted', async () => {
    const shop = await Shop.of(LEAD, WEB, SIDE);
    await shop.until({ lead: 'running', web: 'running', side: 'running' });
    const changed = [LEAD, WEB, SIDE].map((one) => ({ ...one, env: { A: '1' } }));
    await shop.run([...changed, task('calm')]);
    await shop.until({ lead: 'running', web: 'running', side: 'running', calm: 'running' });
    await eventually(async () => {
      const views = (await shop.agent.orchestrator.inspect('shop')).tasks;
      expect(views.map(({ run }) => run)).toEqual([2, 2, 2, 1]);
    });
    expect(await shop.steps(['TaskKilling', 'TaskExited'])).toEqual([
      'lead TaskKilling',
      'lead TaskExited',
      'web TaskKilling',
      'web TaskExited',
      'side TaskKilling',
      'side TaskExited',
    ]);
    const reason = 'alloc is being updated due to job update';
    expect((await shop.newest('TaskRestarting'))?.data).toMatchObject({ isCounted: false, reason });
    expect(await shop.steps(['calm TaskKilling'])).toEqual([]);
  });

  it('starts at once what waits for a restart, with counts that begin anew', async () => {
    const shop = await Shop.of(task('web', { restart: { attempts: 2, delay: '10m' } }));
    await shop.until({ web: 'running' });
    shop.agent.world.exit('web', { exitCode: 1 });
    await shop.until({ web: 'backoff' });
    await shop.run([task('web', { restart: { attempts: 2, delay: '10m' }, env: { A: '1' } })]);
    await shop.until({ web: 'running' });
    shop.agent.world.exit('web', { exitCode: 1 });
    await shop.until({ web: 'backoff' });
    expect((await shop.newest('TaskRestarting'))?.data).toMatchObject({ attempt: 1 });
  });

  it('lets go on what is held', async () => {
    const shop = await Shop.of(task('web', { restart: { attempts: 0, mode: 'hold' } }));
    await shop.until({ web: 'running' });
    shop.agent.world.exit('web', { exitCode: 1 });
    await shop.until({ web: 'held' });
    await shop.run([task('web', { env: { A: '1' } })]);
    await shop.until({ web: 'running' });
  });

  it('begins the alloc anew when what comes first has changed', async () => {
    const shop = await Shop.of(SEED, WEB);
    await shop.until({ seed: 'running', web: 'pending' });
    shop.agent.world.exit('seed');
    await shop.until({ seed: 'complete', web: 'running' });
    const id = await shop.run([{ ...SEED, env: { A: '1' } }, WEB]);
    await shop.until({ seed: 'running', web: 'pending' });
    shop.agent.world.exit('seed');
    await shop.until({ seed: 'complete', web: 'running' });
    expect(await shop.steps(['AllocUpdated', 'AllocRestarting', 'AllocRestarted'], id)).toEqual([
      'AllocUpdated',
      'AllocRestarting',
      'AllocRestarted',
    ]);
  });
});

describe('tasks that an update adds and removes', () => {
  it('begin behind their gate, and are ended and cleaned up', async () => {
    const shop = await Shop.of(WEB, task('old'), BYE);
    await shop.until({ web: 'running', old: 'running', bye: 'pending' });
    await shop.run([WEB, task('new'), BYE]);
    await shop.until({ web: 'running', new: 'running', bye: 'pending' });
    expect(
      await shop.steps(['AllocUpdated', 'TaskKilling', 'CleanupCompleted', 'AllocStopping']),
    ).toEqual(['AllocUpdated', 'old TaskKilling', 'old CleanupCompleted']);
    const killing = await shop.newest('TaskKilling');
    expect(killing?.data).toMatchObject({ reason: 'alloc not needed due to job update' });
    await shop.agent.reopen();
    await shop.until({ web: 'running', new: 'running', bye: 'pending' });
    expect((await shop.agent.view('shop')).run).toBe(1);
  });

  it('does not end the group with the leader that it has no more', async () => {
    const shop = await Shop.of(LEAD, WEB);
    await shop.until({ lead: 'running', web: 'running' });
    await shop.run([WEB]);
    await shop.until({ web: 'running' });
    await shop.agent.orchestrator.stop('shop');
    expect(await shop.steps(['AllocStopping'])).toEqual(['AllocStopping']);
  });
});

describe('an update that replaces', () => {
  const other = task('web', { user: 'nobody' });

  it('lets another alloc begin when the first is over', async () => {
    const shop = await Shop.of(WEB, BYE);
    const [{ allocId: first } = { allocId: '' }] = await shop.agent.orchestrator.allocs();
    await shop.until({ web: 'running', bye: 'pending' });
    const second = await shop.run([other, BYE]);
    expect(second).not.toBe(first);
    expect(await shop.run([other, BYE])).toBe(second);
    await shop.until({ web: 'stopped', bye: 'running' }, first);
    await shop.until({ web: 'pending', bye: 'pending' }, second);
    shop.agent.world.exit('bye');
    await shop.until({ web: 'running', bye: 'pending' }, second);
    const steps = [
      'AllocReplacing',
      'AllocStopping',
      'AllocStopped',
      'AllocReplaced',
      'TaskStarted',
    ];
    expect((await shop.steps(steps)).slice(1)).toEqual([
      'AllocReplacing',
      'AllocStopping',
      'bye TaskStarted',
      'AllocStopped',
      'AllocReplaced',
      'web TaskStarted',
    ]);
    expect((await shop.agent.orchestrator.allocs()).map(({ allocId }) => allocId)).toEqual([
      second,
    ]);
  });

  it('waits on through agents that come and go', async () => {
    const shop = await Shop.of(
      task('web', { config: { ignoresSignals: true }, killTimeout: '30s' }),
    );
    const [{ allocId: first } = { allocId: '' }] = await shop.agent.orchestrator.allocs();
    await shop.until({ web: 'running' });
    const second = await shop.run([other]);
    await shop.until({ web: 'killing' }, first);
    await shop.agent.leave();
    await shop.agent.openWhile('1s');
    await shop.until({ web: 'killing' }, first);
    expect(await shop.agent.orchestrator.inspect('shop')).toMatchObject({
      allocId: second,
      state: 'pending',
    });
    await shop.agent.clock.advance('31s');
    await shop.until({ web: 'running' }, second);
    expect(await shop.agent.orchestrator.inspect(first)).toMatchObject({ state: 'stopped' });
  });

  it('that waits can be stopped, updated and replaced itself', async () => {
    const shop = await Shop.of(
      task('web', { config: { ignoresSignals: true }, killTimeout: '30s' }),
    );
    await shop.until({ web: 'running' });
    const second = await shop.run([other]);
    expect(await shop.run([{ ...other, env: { A: '1' } }])).toBe(second);
    const third = await shop.run([task('web', { user: 'daemon' })]);
    expect(third).not.toBe(second);
    const stopped = shop.agent.orchestrator.stop('shop');
    await eventually(() => expect(shop.agent.clock.waiting).toBeGreaterThan(0));
    await shop.agent.clock.advance('31s');
    expect(await stopped).toMatchObject({ allocId: third, state: 'stopped' });
    expect(await shop.agent.orchestrator.allocs()).toEqual([]);
    expect(await shop.steps(['TaskStarted'])).toEqual(['web TaskStarted']);
  });

  it('takes over from an alloc whose end has begun already', async () => {
    const shop = await Shop.of(
      task('web', { config: { ignoresSignals: true }, killTimeout: '30s' }),
    );
    await shop.until({ web: 'running' });
    const stopped = shop.agent.orchestrator.stop('shop');
    await shop.until({ web: 'killing' });
    const second = await shop.run([{ ...WEB, env: { A: '1' } }]);
    await shop.agent.clock.advance('31s');
    await stopped;
    await shop.until({ web: 'running' }, second);
  });
});

describe('who asks for an update', () => {
  it('may say which version he has seen', async () => {
    const shop = await Shop.of(WEB);
    await shop.run([WEB], { labels: { a: '1' } }, { ifVersion: 1 });
    const late = shop.run([WEB], { labels: { a: '2' } }, { ifVersion: 1 });
    await expect(late).rejects.toMatchObject({ code: 'VERSION_CONFLICT', details: { version: 2 } });
    const fresh = shop.run([WEB], { labels: { a: '2' } }, { ifVersion: 0 });
    await expect(fresh).rejects.toMatchObject({ code: 'VERSION_CONFLICT' });
    const spec = { name: 'none', tasks: [WEB] };
    const none = shop.agent.orchestrator.run(spec, { ifVersion: 1 });
    await expect(none).rejects.toMatchObject({ code: 'VERSION_CONFLICT' });
    expect((await shop.agent.orchestrator.run(spec, { ifVersion: 0 })).alloc).toBe('none');
  });

  it('is one after the other, however many ask at once', async () => {
    const shop = await Shop.of(WEB);
    const ids = await Promise.all(
      ['1', '2', '3', '4'].map((a) => shop.run([WEB], { labels: { a } })),
    );
    expect(new Set(ids).size).toBe(1);
    expect(await shop.agent.orchestrator.inspect('shop')).toMatchObject({ version: 5 });
  });

  it('is told before what would be done, and nothing is done', async () => {
    const shop = await Shop.of(WEB);
    const { orchestrator } = shop.agent;
    const before = (await shop.agent.events()).length;
    const changed = { name: 'shop', tasks: [{ ...WEB, env: { A: '1' } }] };
    expect(await orchestrator.plan(changed)).toMatchObject({
      alloc: 'shop',
      version: 1,
      action: 'restart',
      tasks: [{ task: 'web', action: 'restart', changes: [{ kind: 'added', field: 'env.A' }] }],
    });
    expect(await orchestrator.plan({ name: 'shop', tasks: [WEB] })).toMatchObject({
      action: 'none',
    });
    expect(await orchestrator.plan({ name: 'new', tasks: [WEB] })).toMatchObject({
      allocId: null,
      version: 0,
      action: 'create',
    });
    await expect(
      orchestrator.plan({ name: 'shop', tasks: [task('web', { driver: 'none' })] }),
    ).rejects.toMatchObject({ code: 'DRIVER_UNKNOWN' });
    expect((await shop.agent.events()).length).toBe(before);
  });

  it('cannot mean one of several that bear the name', async () => {
    const shop = await Shop.of(WEB);
    await shop.run([WEB], {}, { allocId: 'own' });
    const update = shop.run([WEB], { labels: { a: '1' } });
    await expect(update).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  });
});

describe('an alloc that a scheduler names', () => {
  const own = { allocId: 'own' };

  it('is updated under its own id, whoever else bears the name, and once', async () => {
    const shop = await Shop.of(WEB);
    await shop.run([WEB], {}, own);
    await shop.until({ web: 'running' }, 'own');
    const changed = [task('web', { env: { A: '1' } })];
    const { orchestrator } = shop.agent;
    const plan = await orchestrator.plan({ name: 'shop', tasks: changed }, own);
    expect(plan).toMatchObject({ allocId: 'own', version: 1, action: 'restart' });
    expect(await shop.run(changed, {}, { ...own, ifVersion: 1 })).toBe('own');
    await eventually(async () => {
      expect((await orchestrator.inspect('own')).tasks).toMatchObject([
        { run: 2, state: 'running' },
      ]);
    });
    // The answer was lost, and it is asked again.
    expect(await shop.run(changed, {}, own)).toBe('own');
    expect(await shop.run(changed, {}, { ...own, requestId: 'own' })).toBe('own');
    expect(await orchestrator.inspect('own')).toMatchObject({ version: 2 });
    expect(await shop.steps(['AllocUpdated'], 'own')).toEqual(['AllocUpdated']);
    const versions = (await orchestrator.allocs()).map(({ version }) => version);
    expect(versions.toSorted((one, other) => one - other)).toEqual([1, 2]);
  });

  it('is told of the version that it has', async () => {
    const shop = await Shop.of(WEB);
    await shop.run([WEB], {}, own);
    const late = shop.run([WEB], { labels: { a: '1' } }, { ...own, ifVersion: 4 });
    await expect(late).rejects.toMatchObject({ code: 'VERSION_CONFLICT', details: { version: 1 } });
  });

  it('is not replaced behind the back of the scheduler', async () => {
    const shop = await Shop.of(WEB);
    await shop.run([WEB], {}, own);
    const before = (await shop.agent.orchestrator.allocs()).length;
    const other = [task('web', { user: 'nobody' })];
    const spec = { name: 'shop', tasks: other };
    expect(await shop.agent.orchestrator.plan(spec, own)).toMatchObject({ action: 'replace' });
    await expect(shop.run(other, {}, own)).rejects.toMatchObject({
      code: 'WRONG_STATE',
      message: expect.stringContaining('because of user of task web'),
    });
    expect(await shop.agent.orchestrator.allocs()).toHaveLength(before);
  });

  it('is no other group, and does not come back', async () => {
    const shop = await Shop.of(WEB);
    await shop.run([WEB], {}, own);
    const { orchestrator } = shop.agent;
    const used = { code: 'ALREADY_EXISTS', details: { allocId: 'own' } };
    await expect(orchestrator.run({ name: 'bar', tasks: [WEB] }, own)).rejects.toMatchObject(used);
    await expect(orchestrator.plan({ name: 'bar', tasks: [WEB] }, own)).rejects.toMatchObject(used);
    await orchestrator.stop('own');
    await expect(shop.run([WEB], {}, own)).rejects.toMatchObject(used);
    expect(await shop.run([WEB], {}, { ...own, requestId: 'own' })).toBe('own');
  });

  it('is one, however many ask for it at once', async () => {
    const shop = await Shop.of(WEB);
    const ids = await Promise.all([1, 2, 3].map(() => shop.run([WEB], {}, own)));
    expect(new Set(ids)).toEqual(new Set(['own']));
    expect(await shop.agent.orchestrator.allocs()).toHaveLength(2);
  });
});

describe('the file of a spec', () => {
  it('says what the log says after an update, also when an agent died in between', async () => {
    const shop = await Shop.of(WEB);
    const id = await shop.run([WEB], { labels: { a: '1' } });
    const { dataDir } = await shop.agent.orchestrator.agent();
    const file = join(dataDir, 'state', 'specs', `${id}.json`);
    const saved = (): { spec: { labels: unknown } } =>
      JSON.parse(readFileSync(file, 'utf8')) as { spec: { labels: unknown } };
    expect(saved().spec.labels).toEqual({ a: '1' });
    await shop.agent.leave();
    writeFileSync(file, JSON.stringify({ ...saved(), specHash: 'old', spec: { tasks: [] } }));
    await shop.agent.open();
    await eventually(() => expect(saved().spec.labels).toEqual({ a: '1' }));
  });
});
