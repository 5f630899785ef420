/** Groups of real programs: twelve tasks of every kind, and agents that are killed in the middle of their end. */
import { afterEach, describe, expect, it } from 'vitest';
import type { PublicEvent } from '../../src/api.ts';
import { eventsSoFar, isRunning, Machine, until } from './rig.ts';
import { isUp, kind, LASTING, positions, task, TASKS, WAVES } from './twelve-tasks.ts';

/** Each wave was told when the one before it was over. */
function expectWaves(events: readonly PublicEvent[], waves = WAVES, after = 0): void {
  const told = positions(events, 'TaskKilling', after);
  const over = positions(events, 'CleanupCompleted', after);
  waves.slice(1).forEach((wave, index) => {
    const before = Math.max(...(waves[index] ?? []).map((name) => over.get(name) ?? 0));
    for (const name of wave)
      expect([name, told.get(name) ?? 0]).toEqual([name, expect.any(Number)]);
    for (const name of wave) expect(told.get(name)).toBeGreaterThan(before);
  });
}

function expectGates(events: readonly PublicEvent[], after = 0): void {
  const opened = positions(events, 'GateOpened', after);
  const at = (name: string): number => opened.get(name) ?? 0;
  const [main = 0] = positions(events, 'AllocGateOpened', after).values();
  const [poststart = 0] = positions(events, 'AllocPoststartOpened', after).values();
  const started = positions(events, 'TaskStarted', after);
  const over = positions(events, 'CleanupCompleted', after);
  for (const name of ['init1', 'init2']) expect(over.get(name)).toBeLessThan(main);
  for (const name of ['proxy', 'shipper']) expect(started.get(name)).toBeLessThan(main);
  for (const name of ['lead', 'web', 'worker']) {
    expect(at(name)).toBeGreaterThan(main);
    expect(started.get(name)).toBeLessThan(poststart);
  }
  for (const name of ['warm', 'watch', 'audit']) expect(at(name)).toBeGreaterThan(poststart);
}

describe('a group of twelve tasks of every kind', () => {
  let machine: Machine;
  afterEach(() => machine.scrap());

  it(
    'begins in order, begins anew in order, and follows its leader',
    { timeout: 240_000 },
    async () => {
      machine = new Machine();
      const agent = await machine.startAgent();
      const { allocId } = await agent.run({ name: 'g', tasks: [...TASKS] });
      await until('everything is up', () => isUp(agent));
      expectGates(await eventsSoFar(agent, { ref: allocId }));

      const { head: restartedAt } = await agent.agent();
      await agent.restart('g', { tasks: 'all' });
      const second = await until('it is up again', async () => {
        const found = await eventsSoFar(agent, { ref: allocId, types: ['AllocRestarted'] });
        return found.length === 1 && (await isUp(agent)) && found;
      });
      const events = await eventsSoFar(agent, { ref: allocId });
      expectWaves(events, WAVES, restartedAt);
      expectGates(events, second[0]?.position);
      const { tasks } = await agent.inspect('g');
      expect(tasks.map(({ run }) => run)).toEqual([...Array.from({ length: 10 }, () => 2), 0, 0]);
      expect(machine.outputOf(allocId, 'init1')).toBe('done\ndone\n');

      const { head: killedAt } = await agent.agent();
      const lead = tasks.find(({ task: name }) => name === 'lead');
      process.kill(lead?.pid ?? 0, 'SIGKILL');
      const ended = await (await agent.alloc('g')).wait();
      expect(ended).toMatchObject({ state: 'failed' });
      const last = await eventsSoFar(agent, { ref: allocId });
      expectWaves(last, WAVES.slice(1), killedAt);
      const stopping = last.filter(({ type }) => type === 'AllocStopping');
      expect(stopping.map(({ data }) => data)).toMatchObject([{ cause: 'leader', task: 'lead' }]);
      const over = positions(last, 'CleanupCompleted', killedAt);
      const [poststop = 0] = positions(last, 'AllocPoststopOpened').values();
      for (const name of WAVES.flat()) expect(over.get(name)).toBeLessThan(poststop);
      for (const name of ['bye1', 'bye2']) expect(machine.outputOf(allocId, name)).toBe('done\n');
      for (const { pid } of tasks) expect(pid !== null && isRunning(pid)).toBe(false);
    },
  );

  it(
    'is stopped by a wish, and what comes after the others comes after them',
    { timeout: 120_000 },
    async () => {
      machine = new Machine();
      const agent = await machine.startAgent();
      const { allocId } = await agent.run({ name: 'g', tasks: [...TASKS] });
      await until('everything is up', () => isUp(agent));
      expect(await agent.stop('g')).toMatchObject({ state: 'stopped' });
      const events = await eventsSoFar(agent, { ref: allocId });
      expectWaves(events);
      const types = events.filter(({ task: name }) => name === null).map(({ type }) => type);
      expect(types).toEqual([
        'AllocReceived',
        'AllocGateOpened',
        'AllocPoststartOpened',
        'AllocStopping',
        'AllocPoststopOpened',
        'AllocStopped',
      ]);
    },
  );
});

describe('an agent that is killed in the middle of an end', () => {
  let machine: Machine;
  afterEach(() => machine.scrap());

  it('is followed by one that goes on where the order stands', { timeout: 120_000 }, async () => {
    machine = new Machine();
    let agent = await machine.startAgent();
    // It says that it was told, and takes its time.
    const slow = 'trap "echo told; sleep 3; exit 0" TERM; while :; do sleep 0.05; done';
    const tasks = [
      task('proxy', LASTING, kind('prestart', true)),
      task('lead', slow, { leader: true, killTimeout: '20s' }),
      task('web', LASTING),
      task('bye', 'echo done', kind('poststop')),
    ];
    const { allocId } = await agent.run({ name: 'g', tasks });
    await until('it runs', async () => (await agent.inspect('g')).tasks[2]?.state === 'running');
    agent.stop('g').catch(() => undefined);
    await until('the leader was told', () => machine.outputOf(allocId, 'lead') === 'told\n');
    await machine.killAgent();
    agent = await machine.startAgent();
    expect(await (await agent.alloc(allocId)).wait()).toMatchObject({ state: 'stopped' });
    const events = await eventsSoFar(agent, { ref: allocId });
    expectWaves(events, [['lead'], ['web'], ['proxy']]);
    const killings = events.filter(({ type }) => type === 'TaskKilling');
    expect(killings.map(({ task: name }) => name)).toEqual(['lead', 'web', 'proxy']);
    expect(machine.outputOf(allocId, 'bye')).toBe('done\n');
  });

  it(
    'is followed by one that waits for what is left of a shutdown delay',
    { timeout: 120_000 },
    async () => {
      machine = new Machine();
      let agent = await machine.startAgent();
      const tasks = [task('web', LASTING, { shutdownDelay: '12s' })];
      const { allocId } = await agent.run({ name: 'g', tasks });
      const pid = await until('it runs', async () => {
        return (await agent.inspect('g')).tasks[0]?.pid ?? undefined;
      });
      agent.stop('g').catch(() => undefined);
      const [killing] = await until('it is to end', async () => {
        const found = await eventsSoFar(agent, { ref: allocId, types: ['TaskKilling'] });
        return found.length > 0 && found;
      });
      await machine.killAgent();
      agent = await machine.startAgent();
      expect(agent.recovery.tasks).toMatchObject([{ outcome: 'reattached' }]);
      expect(isRunning(pid)).toBe(true);
      expect(await (await agent.alloc(allocId)).wait()).toMatchObject({ state: 'stopped' });
      const events = await eventsSoFar(agent, { ref: allocId });
      const types = events.map(({ type }) => type);
      expect(types.filter((type) => type === 'TaskKilling')).toHaveLength(1);
      expect(types.filter((type) => type === 'TaskReattached')).toHaveLength(1);
      expect(machine.outputOf(allocId, 'web')).toBe('told\n');
      const exited = events.find(({ type }) => type === 'TaskExited');
      const { exitedAt } = { exitedAt: 0, ...(exited?.data as object) };
      const { signalAt } = { signalAt: Infinity, ...(killing?.data as object) };
      expect(exitedAt).toBeGreaterThanOrEqual(signalAt);
    },
  );

  it('is followed by one that begins the group anew, once', { timeout: 120_000 }, async () => {
    machine = new Machine();
    let agent = await machine.startAgent();
    const slow = 'trap "sleep 2; exit 0" TERM; echo up; while :; do sleep 0.05; done';
    const tasks = [task('lead', slow, { leader: true, killTimeout: '20s' }), task('web', LASTING)];
    const { allocId } = await agent.run({ name: 'g', tasks });
    await until('it is up', () => machine.outputOf(allocId, 'lead') === 'up\n');
    await until('it runs', async () => (await agent.inspect('g')).tasks[1]?.state === 'running');
    await agent.restart('g', { tasks: 'all' });
    await until('it is restarting', async () => {
      return (await agent.inspect('g')).tasks[0]?.state === 'killing';
    });
    await machine.killAgent();
    agent = await machine.startAgent();
    await until('it runs again', async () => {
      const { state, tasks: views } = await agent.inspect(allocId);
      return state === 'running' && views.every(({ run, pid }) => run === 2 && pid !== null);
    });
    await until('it is up again', () => machine.outputOf(allocId, 'lead') === 'up\nup\n');
    const revived = await eventsSoFar(agent, { ref: allocId, types: ['TaskRevived'] });
    expect(revived.map(({ data }) => data)).toEqual([{ revival: 1 }, { revival: 1 }]);
    expect(await agent.stop(allocId)).toMatchObject({ state: 'stopped' });
  });
});
