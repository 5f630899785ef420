/** A group of tasks of every kind, told by the order of what is recorded of it, through agents that come and go. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PublicEvent, TaskViewState } from '../../src/api.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import type { MockConfig } from '../../src/testing/index.ts';
import { eventually, MockAgent } from './mock-agent.ts';

type Task = GroupSpecInput['tasks'][number];

const task = (name: string, config: MockConfig = {}, more: Partial<Task> = {}): Task => ({
  name,
  driver: 'mock',
  config: { ...config },
  ...more,
});
const SEED = task('seed', {}, { lifecycle: { hook: 'prestart' } });
const PROXY = task('proxy', {}, { lifecycle: { hook: 'prestart', sidecar: true } });
const LEAD = task('lead', {}, { leader: true });
const WEB = task('web');
const HELLO = task('hello', {}, { lifecycle: { hook: 'poststart' } });
const WATCH = task('watch', {}, { lifecycle: { hook: 'poststart', sidecar: true } });
const BYE = task('bye', {}, { lifecycle: { hook: 'poststop' } });
const EVERY = [SEED, PROXY, LEAD, WEB, HELLO, WATCH, BYE];

class Group {
  readonly agent = new MockAgent();

  static async of(tasks: readonly Task[], more: Partial<GroupSpecInput> = {}): Promise<Group> {
    const group = new Group();
    const orchestrator = await group.agent.open();
    await orchestrator.run({ name: 'g', tasks: [...tasks], ...more });
    return group;
  }

  states(): Promise<Readonly<Record<string, TaskViewState>>> {
    return this.agent.orchestrator
      .inspect('g')
      .then(({ tasks }) => Object.fromEntries(tasks.map(({ task: name, state }) => [name, state])));
  }

  async until(wanted: Readonly<Record<string, TaskViewState>>): Promise<void> {
    await eventually(async () => expect(await this.states()).toMatchObject(wanted));
  }

  async untilAlloc(state: string): Promise<void> {
    await eventually(async () => {
      expect((await this.agent.orchestrator.inspect('g')).state).toBe(state);
    });
  }

  /** `lead TaskStarted`, or only the type of what is about the alloc. */
  async steps(...types: readonly string[]): Promise<readonly string[]> {
    const events = await this.agent.events('g');
    return events.filter(({ type }) => types.includes(type)).map(stepOf);
  }

  /** To where every gate but the last one is open and only `hello` is over. */
  async bringUp(): Promise<void> {
    await this.until({ seed: 'running', proxy: 'running', web: 'pending' });
    this.agent.world.exit('seed');
    await this.until({ lead: 'running', web: 'running', hello: 'running', watch: 'running' });
    this.agent.world.exit('hello');
    await this.until({ hello: 'complete', bye: 'pending' });
  }
}

function stepOf({ task: name, type }: PublicEvent): string {
  return name === null ? type : `${name} ${type}`;
}

describe('a group of every kind', () => {
  it('begins gate by gate', async () => {
    const group = await Group.of(EVERY);
    await group.bringUp();
    const gates = await group.steps('GateOpened', 'AllocGateOpened', 'AllocPoststartOpened');
    expect(gates.slice(0, 2).toSorted()).toEqual(['proxy GateOpened', 'seed GateOpened']);
    expect(gates[2]).toBe('AllocGateOpened');
    expect(gates.slice(3, 5).toSorted()).toEqual(['lead GateOpened', 'web GateOpened']);
    expect(gates[5]).toBe('AllocPoststartOpened');
    expect(gates.slice(6).toSorted()).toEqual(['hello GateOpened', 'watch GateOpened']);
  });

  it('ends when its leader does: then the others, then the sidecars, then poststop runs', async () => {
    const group = await Group.of(EVERY, { type: 'batch' });
    await group.bringUp();
    group.agent.world.exit('lead');
    await group.until({ bye: 'running' });
    group.agent.world.exit('bye');
    await group.untilAlloc('complete');
    const ends = await group.steps(
      'AllocStopping',
      'TaskKilling',
      'AllocPoststopOpened',
      'GateOpened',
    );
    expect(ends.slice(6, 8)).toEqual(['AllocStopping', 'web TaskKilling']);
    const sidecars = ends.slice(8, 10).toSorted();
    expect(sidecars).toEqual(['proxy TaskKilling', 'watch TaskKilling']);
    expect(ends.slice(10)).toEqual(['AllocPoststopOpened', 'bye GateOpened']);
    const stopping = (await group.agent.events('g')).find(({ type }) => type === 'AllocStopping');
    expect(stopping?.data).toEqual({
      reason: 'Leader Task in Group dead',
      isWished: false,
      cause: 'leader',
      task: 'lead',
    });
  });

  it('tells each wave only when the one before it is over', async () => {
    const group = await Group.of(EVERY);
    await group.bringUp();
    const stopped = group.agent.orchestrator.stop('g');
    await group.until({ bye: 'running' });
    group.agent.world.exit('bye');
    expect(await stopped).toMatchObject({ state: 'stopped' });
    const steps = await group.steps('TaskKilling', 'TaskExited', 'CleanupCompleted');
    const at = (step: string): number => steps.indexOf(step);
    expect(at('lead CleanupCompleted')).toBeLessThan(at('web TaskKilling'));
    expect(at('web CleanupCompleted')).toBeLessThan(at('proxy TaskKilling'));
    expect(at('web CleanupCompleted')).toBeLessThan(at('watch TaskKilling'));
  });

  it('ends its sidecars when nothing else is left', async () => {
    const group = await Group.of([PROXY, WEB], { type: 'batch' });
    await group.until({ web: 'running' });
    group.agent.world.exit('web');
    await group.untilAlloc('complete');
    expect(await group.states()).toEqual({ proxy: 'stopped', web: 'complete' });
  });

  it('ends with what never began when a prestart task fails', async () => {
    const failing = { ...SEED, config: { runFor: '1s', exitCode: 1 }, restart: { attempts: 0 } };
    const group = await Group.of([failing, PROXY, WEB]);
    await group.until({ seed: 'running' });
    await group.agent.clock.advance('1s');
    await group.untilAlloc('failed');
    expect(await group.states()).toEqual({ seed: 'failed', proxy: 'stopped', web: 'stopped' });
    expect(group.agent.world.runs('web')).toEqual([]);
  });

  it('goes on in the middle of its end with whoever comes next', async () => {
    const stubborn = { ...LEAD, config: { ignoresSignals: true } };
    const group = await Group.of([PROXY, stubborn, WEB, BYE]);
    await group.until({ lead: 'running', web: 'running' });
    void group.agent.orchestrator.stop('g').catch(() => undefined);
    await group.until({ lead: 'killing' });
    expect(await group.states()).toMatchObject({ web: 'running', proxy: 'running' });
    await group.agent.leave();
    await group.agent.openWhile('250ms');
    await group.until({ bye: 'running' });
    await group.agent.reopen();
    group.agent.world.exit('bye');
    await group.untilAlloc('stopped');
    const kills = await group.steps('TaskKilling');
    expect(kills).toEqual(['lead TaskKilling', 'web TaskKilling', 'proxy TaskKilling']);
  });

  it('does not let one that cannot be killed keep the others', async () => {
    const stuck = { ...LEAD, config: { stopStuck: 2 } };
    const group = await Group.of([stuck, WEB]);
    await group.until({ lead: 'running', web: 'running' });
    void group.agent.orchestrator.stop('g').catch(() => undefined);
    await group.until({ lead: 'killing' });
    await group.agent.clock.advance('5s');
    await group.until({ lead: 'stuck', web: 'stopped' });
  });
});

describe('a task that nobody stands by any more', () => {
  it('does not keep the others from their end', async () => {
    const broken = { ...LEAD, config: { throwIn: 'stop' } };
    const group = await Group.of([PROXY, broken, WEB]);
    await group.until({ lead: 'running', web: 'running' });
    void group.agent.orchestrator.stop('g').catch(() => undefined);
    await group.until({ lead: 'unknown', web: 'stopped', proxy: 'stopped' });
    await group.untilAlloc('stopping');
  });
});

describe('a group that is begun anew', () => {
  it('ends in order and runs again from its first gate, with what was over', async () => {
    const group = await Group.of(EVERY);
    await group.bringUp();
    await group.agent.orchestrator.restart('g', { tasks: 'all' });
    await eventually(() => expect(group.agent.world.runs('seed')).toHaveLength(2));
    await group.until({ seed: 'running', proxy: 'running', web: 'pending', hello: 'pending' });
    group.agent.world.exit('seed');
    await group.until({ lead: 'running', web: 'running', hello: 'running', watch: 'running' });
    expect(await group.steps('AllocRestarting', 'AllocRestarted', 'AllocStopping')).toEqual([
      'AllocRestarting',
      'AllocRestarted',
    ]);
    const revived = await group.steps('TaskRevived');
    expect(revived.toSorted()).toEqual(EVERY.map(({ name }) => `${name} TaskRevived`).toSorted());
    const { tasks } = await group.agent.orchestrator.inspect('g');
    expect(tasks.map(({ run }) => run)).toEqual([2, 2, 2, 2, 2, 2, 0]);
    expect(tasks.map(({ restarts }) => restarts)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  it('is so once, whoever comes in the middle of it', async () => {
    const stubborn = { ...LEAD, config: { ignoresSignals: true } };
    const group = await Group.of([SEED, stubborn, WEB]);
    await group.until({ seed: 'running' });
    group.agent.world.exit('seed');
    await group.until({ lead: 'running', web: 'running' });
    await group.agent.orchestrator.restart('g', { tasks: 'all' });
    await group.until({ lead: 'killing', web: 'running' });
    expect((await group.agent.orchestrator.inspect('g')).state).toBe('restarting');
    await group.agent.leave();
    await group.agent.openWhile('250ms');
    await group.until({ seed: 'running', lead: 'pending', web: 'pending' });
    await group.agent.reopen();
    await group.until({ seed: 'running', lead: 'pending', web: 'pending' });
    group.agent.world.exit('seed');
    await group.until({ seed: 'complete', lead: 'running', web: 'running' });
    await group.agent.reopen();
    await group.until({ seed: 'complete', lead: 'running', web: 'running' });
    expect(group.agent.world.runs('seed')).toHaveLength(2);
    expect(await group.steps('TaskRevived')).toHaveLength(3);
  });

  it('can be stopped meanwhile', async () => {
    const stubborn = { ...LEAD, config: { ignoresSignals: true } };
    const group = await Group.of([stubborn, WEB]);
    await group.until({ lead: 'running', web: 'running' });
    await group.agent.orchestrator.restart('g', { tasks: 'all' });
    await group.until({ lead: 'killing' });
    const stopped = group.agent.orchestrator.stop('g');
    await group.agent.clock.advance('5s');
    expect(await stopped).toMatchObject({ state: 'stopped' });
    expect(group.agent.world.runs('web')).toHaveLength(1);
  });

  it('is refused of one task, and of what has ended', async () => {
    const group = await Group.of([WEB]);
    const { orchestrator } = group.agent;
    await group.until({ web: 'running' });
    await expect(orchestrator.restart('g/web', { tasks: 'all' })).rejects.toMatchObject({
      code: 'USAGE',
    });
    await orchestrator.stop('g');
    await expect(orchestrator.restart('g', { tasks: 'all' })).rejects.toMatchObject({
      code: 'WRONG_STATE',
    });
  });
});

describe('a shutdown delay', () => {
  const slow = task('web', {}, { shutdownDelay: '10s' });

  it('comes before the first signal, and an agent that comes waits for the rest of it', async () => {
    const group = await Group.of([slow]);
    await group.until({ web: 'running' });
    void group.agent.orchestrator.stop('g').catch(() => undefined);
    await group.until({ web: 'killing' });
    await group.agent.clock.advance('9s');
    await group.agent.reopen();
    expect(group.agent.world.newest('web')).toMatchObject({ stops: 0 });
    await group.agent.clock.advance('999ms');
    expect(group.agent.world.newest('web')).toMatchObject({ stops: 0 });
    await group.agent.clock.advance('1ms');
    await group.untilAlloc('stopped');
    expect(await group.steps('TaskKilling')).toHaveLength(1);
  });

  it('is over when the program ends by itself', async () => {
    const group = await Group.of([slow]);
    await group.until({ web: 'running' });
    const stopped = group.agent.orchestrator.stop('g');
    await group.until({ web: 'killing' });
    group.agent.world.exit('web', { exitCode: 3 });
    expect(await stopped).toMatchObject({ state: 'stopped', tasks: [{ exitCode: 3 }] });
    // Only to prove that nothing is left of it.
    expect(group.agent.world.newest('web')).toMatchObject({ stops: 1 });
  });

  it('is cut short by whoever is in a hurry', async () => {
    const group = await Group.of([slow], { shutdownDelay: '1h' });
    await group.until({ web: 'running' });
    void group.agent.orchestrator.stop('g').catch(() => undefined);
    await group.untilAlloc('stopping');
    expect(await group.states()).toEqual({ web: 'running' });
    await group.agent.clock.advance('1h');
    await group.until({ web: 'killing' });
    await group.agent.orchestrator.stop('g', { shutdownDelay: 'skip' });
    const killings = (await group.agent.events('g')).filter(({ type }) => type === 'TaskKilling');
    const [first, second] = killings.map(({ data }) => data as { signalAt: number });
    expect((first?.signalAt ?? 0) - (second?.signalAt ?? 0)).toBe(10_000);
  });

  it('is skipped by a hurried stop, and by a restart', async () => {
    const group = await Group.of([slow], { shutdownDelay: '1h' });
    await group.until({ web: 'running' });
    await group.agent.orchestrator.restart('g/web');
    await eventually(() => expect(group.agent.world.runs('web')).toHaveLength(2));
    await group.until({ web: 'running' });
    expect(await group.agent.orchestrator.stop('g', { shutdownDelay: 'skip' })).toMatchObject({
      state: 'stopped',
    });
  });

  it('of a group is waited for once, by whoever is there', async () => {
    const group = await Group.of([WEB], { shutdownDelay: '10s' });
    await group.until({ web: 'running' });
    void group.agent.orchestrator.stop('g').catch(() => undefined);
    await group.untilAlloc('stopping');
    await group.agent.clock.advance('8s');
    await group.agent.reopen();
    await group.agent.clock.advance('1999ms');
    expect(await group.states()).toEqual({ web: 'running' });
    await group.agent.clock.advance('1ms');
    await group.untilAlloc('stopped');
  });
});

describe('the longest that a group may run', () => {
  it('counts from its acceptance, through agents that come and go', async () => {
    const group = await Group.of([WEB, BYE], { maxRunDuration: '1h', type: 'batch' });
    await group.until({ web: 'running' });
    await group.agent.clock.advance('30m');
    await group.agent.reopen();
    await group.agent.clock.advance('1799s');
    expect(await group.states()).toEqual({ web: 'running', bye: 'pending' });
    await group.agent.clock.advance('1s');
    await group.untilAlloc('complete');
    expect(await group.states()).toEqual({ web: 'stopped', bye: 'stopped' });
    expect(group.agent.world.runs('bye')).toEqual([]);
  });

  it('goes on when the store is lost and the group is rebuilt', async () => {
    const group = await Group.of([WEB], { maxRunDuration: '1h', type: 'batch' });
    await group.until({ web: 'running' });
    const { dataDir } = await group.agent.orchestrator.agent();
    await group.agent.leave();
    rmSync(join(dataDir, 'state', 'store'), { recursive: true });
    await group.agent.clock.advance('30m');
    await group.agent.open();
    const received = (await group.agent.events('g')).find(({ type }) => type === 'AllocReceived');
    const { runUntil } = { runUntil: 0, ...(received?.data as object) };
    expect(runUntil - group.agent.clock.now()).toBe(1_800_000);
  });

  it('is over at once when it passed while no agent was there', async () => {
    const group = await Group.of([WEB], { maxRunDuration: '1h', type: 'batch' });
    await group.until({ web: 'running' });
    await group.agent.leave();
    await group.agent.clock.advance('2h');
    await group.agent.open();
    await group.untilAlloc('complete');
  });
});

describe('a task that is held', () => {
  const fragile = task(
    'web',
    { runFor: '1s', exitCode: 7 },
    { restart: { exitCodes: { 7: 'hold' } } },
  );

  it('stays as it is through agents that come and go, and goes on when it is resumed', async () => {
    const group = await Group.of([fragile]);
    await group.until({ web: 'running' });
    await group.agent.clock.advance('1s');
    await group.until({ web: 'held' });
    const { recovery } = await group.agent.reopen();
    expect(recovery.tasks).toMatchObject([{ task: 'web', outcome: 'held' }]);
    const { orchestrator } = group.agent;
    expect(await orchestrator.inspect('g')).toMatchObject({
      isLive: true,
      tasks: [{ state: 'held', reason: 'Policy for exit code 7 is "hold"' }],
    });
    await expect(orchestrator.restart('g/web')).rejects.toMatchObject({ code: 'WRONG_STATE' });
    expect(await group.steps('CleanupCompleted')).toEqual([]);
    await orchestrator.resume('g');
    await group.until({ web: 'running' });
    await expect(orchestrator.resume('g')).rejects.toMatchObject({ code: 'WRONG_STATE' });
  });

  it('can be stopped like any other', async () => {
    const group = await Group.of([fragile]);
    await group.until({ web: 'running' });
    await group.agent.clock.advance('1s');
    await group.until({ web: 'held' });
    expect(await group.agent.orchestrator.stop('g')).toMatchObject({ state: 'stopped' });
    expect(await group.steps('TaskHeld', 'TaskKilling', 'TaskKilled', 'CleanupCompleted')).toEqual([
      'web TaskHeld',
      'web TaskKilling',
      'web TaskKilled',
      'web CleanupCompleted',
    ]);
  });
});
