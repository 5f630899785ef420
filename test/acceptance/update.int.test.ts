/** Updates of a group of twelve real programs, and of one that is taken over from, with agents killed in the middle. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Orchestrator, PublicEvent } from '../../src/api.ts';
import { eventsSoFar, isRunning, Machine, until } from './rig.ts';
import { isUp, LASTING, positions, type Task, task, TASKS } from './twelve-tasks.ts';

const TYPES = ['AllocUpdated', 'TaskUpdated', 'UpdateCompleted', 'TaskKilling', 'TaskStarted'];

let machine: Machine;
let agent: Orchestrator;
beforeEach(async () => {
  machine = new Machine();
  agent = await machine.startAgent();
});
afterEach(() => machine.scrap());

const changed = (name: string, more: Partial<Task>): readonly Task[] =>
  TASKS.map((one) => (one.name === name ? { ...one, ...more } : one));

async function pids(ref: string): Promise<Readonly<Record<string, number | null>>> {
  const { tasks } = await agent.inspect(ref);
  return Object.fromEntries(tasks.map(({ task: name, pid }) => [name, pid]));
}

const isAfter =
  (head: number) =>
  ({ position }: PublicEvent): boolean =>
    position > head;

function namesOf(events: readonly PublicEvent[], type: string): readonly (string | null)[] {
  return events.filter((event) => event.type === type).map(({ task: name }) => name);
}

describe('a group of twelve tasks', () => {
  it('is updated in place, task by task, and replaced', { timeout: 240_000 }, async () => {
    const { allocId } = await agent.run({ name: 'g', tasks: [...TASKS] });
    await until('it is up', () => isUp(agent));
    const first = await pids('g');

    // In place: nobody is touched but by what is recorded.
    await agent.run({ name: 'g', tasks: [...changed('web', { killTimeout: '9s' })] });
    await until('the hooks have seen to it', async () => {
      const seen = await eventsSoFar(agent, { ref: allocId, types: ['UpdateCompleted'] });
      return seen.length === 1;
    });
    expect(await pids('g')).toEqual(first);

    // One is restarted, one comes, one goes.
    const { head } = await agent.agent();
    const next = changed('web', { killTimeout: '9s', env: { NEW: '1' } });
    const tasks = [...next.filter(({ name }) => name !== 'worker'), task('fresh', LASTING)];
    const { action } = await agent.plan({ name: 'g', tasks });
    expect(action).toBe('restart');
    await agent.run({ name: 'g', tasks }, { ifVersion: 2 });
    await until('one came, one went, one was restarted', async () => {
      const { tasks: views, version } = await agent.inspect('g');
      const of = new Map(views.map((view) => [view.task, view]));
      const isBack = of.get('web')?.run === 2 && of.get('web')?.state === 'running';
      return version === 3 && isBack && of.get('fresh')?.state === 'running' && !of.has('worker');
    });
    const now = await pids('g');
    const isKept = ([name]: [string, unknown]): boolean => name !== 'web' && name !== 'worker';
    expect(now).toMatchObject(Object.fromEntries(Object.entries(first).filter(isKept)));
    expect(isRunning(first['worker'] ?? 0)).toBe(false);
    const events = (await eventsSoFar(agent, { ref: allocId })).filter(isAfter(head));
    expect(new Set(namesOf(events, 'TaskKilling'))).toEqual(new Set(['web', 'worker']));
    expect(namesOf(events, 'AllocStopping')).toEqual([]);
    const over = positions(events, 'CleanupCompleted').get('worker') ?? Infinity;
    expect(positions(events, 'GateOpened').get('fresh')).toBeGreaterThan(over);

    // Another one takes over when all of this one is over, what comes last included.
    const other = await agent.run({ name: 'g', type: 'system', tasks: [...TASKS] });
    await until('the other is up', () => isUp(agent, other.allocId));
    const why = machine.holdfast('why', `${allocId}/worker`).stdout;
    expect(why).toContain('somebody asked for version 3 of the alloc');
    const all = await eventsSoFar(agent, { types: [...TYPES, 'AllocStopped', 'AllocReplaced'] });
    const ended = all.find(({ type }) => type === 'AllocStopped')?.position ?? Infinity;
    const began = all.filter(
      (event) => event.allocId === other.allocId && event.type === 'TaskStarted',
    );
    expect(began.length).toBe(10);
    for (const { position } of began) expect(position).toBeGreaterThan(ended);
    expect(machine.outputOf(allocId, 'bye1')).toBe('done\n');
    expect(machine.holdfast('why', 'g/web').stdout).toContain('the alloc before it is over');
    expect(machine.holdfast('stop', 'g').status).toBe(0);
  });
});

describe('an agent that is killed in the middle of an update', () => {
  const slow = 'trap "echo told; sleep 2; exit 0" TERM; echo up; while :; do sleep 0.05; done';
  const lead = task('lead', slow, { leader: true, killTimeout: '20s' });

  it(
    'is followed by one that goes on, and restarts nobody twice',
    { timeout: 240_000 },
    async () => {
      const old = task('old', LASTING);
      const { allocId } = await agent.run({ name: 'g', tasks: [lead, task('web', LASTING), old] });
      await until('it is up', async () => {
        return (await agent.inspect('g')).tasks.every(({ state }) => state === 'running');
      });
      const env = { NEW: '1' };
      const tasks = [{ ...lead, env }, task('web', LASTING, { env }), task('fresh', LASTING)];
      await agent.run({ name: 'g', tasks });
      await until('the leader was told', () => machine.outputOf(allocId, 'lead') === 'up\ntold\n');
      await machine.killAgent();
      agent = await machine.startAgent();
      await until('all are as they are to be', async () => {
        const views = (await agent.inspect('g')).tasks;
        const runs = views.map(({ task: name, run, state }) => `${name} ${run} ${state}`);
        return runs.join() === 'lead 2 running,web 2 running,fresh 1 running';
      });
      const events = await eventsSoFar(agent, { ref: allocId });
      expect(namesOf(events, 'TaskUpdated')).toEqual(['lead', 'web']);
      const killed = namesOf(events, 'TaskKilling').filter((name) => name !== 'old');
      expect(killed).toEqual(['lead', 'web']);
      expect(namesOf(events, 'AllocUpdated')).toHaveLength(1);
      expect(await agent.stop('g')).toMatchObject({ state: 'stopped' });
    },
  );

  it('is followed by one under which exactly one of both lives', { timeout: 240_000 }, async () => {
    const first = await agent.run({ name: 'g', tasks: [lead] });
    await until('it is up', () => machine.outputOf(first.allocId, 'lead') === 'up\n');
    const second = await agent.run({ name: 'g', type: 'system', tasks: [lead] });
    await until('the first was told', () => {
      return machine.outputOf(first.allocId, 'lead') === 'up\ntold\n';
    });
    await machine.killAgent();
    agent = await machine.startAgent();
    await until('the second runs', async () => {
      return (await agent.inspect('g')).tasks[0]?.state === 'running';
    });
    expect(await agent.allocs()).toMatchObject([{ allocId: second.allocId }]);
    const events = await eventsSoFar(agent, {
      types: ['TaskStarted', 'TaskExited', 'AllocStopped', 'AllocReplaced'],
    });
    expect(events.map(({ type }) => type)).toEqual([
      'TaskStarted',
      'TaskExited',
      'AllocStopped',
      'AllocReplaced',
      'TaskStarted',
    ]);
    expect(await agent.stop('g')).toMatchObject({ state: 'stopped' });
  });
});
