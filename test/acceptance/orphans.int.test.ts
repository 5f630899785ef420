/** Runs that no log speaks of: what becomes of each is decided before anything new is started. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AllocView, Orchestrator } from '../../src/api.ts';
import {
  countingGroup,
  eventsSoFar,
  isRunning,
  Machine,
  pidsOf,
  runningPid,
  until,
} from './rig.ts';
import { LASTING, task } from './twelve-tasks.ts';

let machine: Machine;
let agent: Orchestrator;
beforeEach(async () => {
  machine = new Machine();
  agent = await machine.startAgent();
});
afterEach(() => machine.scrap());

const inState = (...names: string[]): string => join(machine.dataDir, 'state', ...names);

const orphans = () => eventsSoFar(agent, { types: ['OrphanFound'] });

describe('a program of ours', () => {
  it('that nobody wants is ended: the log, the spec and the files of its run are gone', async () => {
    const pid = await runningPid(agent, 'lost');
    await machine.killAgent();
    for (const name of ['store', 'specs', 'run']) rmSync(inState(name), { recursive: true });
    agent = await machine.startAgent();
    await until('it is ended', () => !isRunning(pid));
    expect(await orphans()).toMatchObject([{ data: { pids: [pid], verdict: 'kill' } }]);
    expect(await agent.allocs()).toEqual([]);
  });

  it('whose spec was removed lives on when the store is lost after the next agent', async () => {
    const pid = await runningPid(agent, 'kept');
    rmSync(inState('specs'), { recursive: true });
    expect(machine.holdfast('doctor').stdout).toContain('1 file in');
    await machine.killAgent();
    agent = await machine.startAgent();
    await until('it is written again', () => readdirSync(inState('specs')).length === 1);
    await machine.killAgent();
    rmSync(inState('store'), { recursive: true });
    agent = await machine.startAgent();
    expect(await until('it is adopted', () => pidsOf(agent, 'kept'))).toEqual([pid]);
  });

  it('whose spec cannot be read when the store is lost is held until its spec is given again', async () => {
    const pid = await runningPid(agent, 'torn');
    const [{ allocId }] = (await agent.allocs()) as [AllocView];
    await machine.killAgent();
    rmSync(inState('store'), { recursive: true });
    truncateSync(inState('specs', `${allocId}.json`), 40);
    agent = await machine.startAgent();
    await until('it is told', async () => (await orphans()).length > 0);
    const reason = `the spec of alloc ${allocId} cannot be read`;
    expect(await orphans()).toMatchObject([{ data: { pids: [pid], verdict: 'hold', reason } }]);
    expect(machine.holdfast('doctor').stdout).toContain(`again with alloc id ${allocId}`);
    // Held for as many agents as it takes.
    await machine.killAgent();
    agent = await machine.startAgent();
    expect(isRunning(pid)).toBe(true);
    await agent.run(countingGroup('torn', 1), { allocId });
    expect(await until('it is adopted', () => pidsOf(agent, 'torn'))).toEqual([pid]);
    await agent.stop('torn');
    expect(isRunning(pid)).toBe(false);
  });

  it('that nobody wants is ended, and the program that its task is about lives on', async () => {
    const pid = await runningPid(agent, 'lost');
    await machine.killAgent();
    rmSync(inState('store'), { recursive: true });
    rmSync(inState('specs'), { recursive: true });
    agent = await machine.startAgent();
    await until('it is ended', () => !isRunning(pid));
    const kept = await runningPid(agent, 'kept');
    await machine.killAgent();
    agent = await machine.startAgent();
    expect(isRunning(kept)).toBe(true);
  });

  it('of a task that an update took away is ended, also when the store is lost before', async () => {
    const stubborn = 'trap "echo told" TERM; echo up; while :; do sleep 0.05; done';
    const old = task('old', stubborn, { killTimeout: '60s' });
    const { allocId } = await agent.run({ name: 'web', tasks: [task('web', LASTING), old] });
    const both = await until('both run', async () => {
      const pids = await pidsOf(agent, 'web');
      return machine.outputOf(allocId, 'old') === 'up\n' && pids;
    });
    await agent.run({ name: 'web', tasks: [task('web', LASTING)] });
    await until('it is told', () => machine.outputOf(allocId, 'old') === 'up\ntold\n');
    await machine.killAgent();
    rmSync(inState('store'), { recursive: true });
    agent = await machine.startAgent();
    expect(await until('the other is adopted', () => pidsOf(agent, 'web'))).toEqual([both[0]]);
    await until('it is ended', () => !isRunning(both[1] as number));
    const reason = 'nobody wants its task';
    const data = { stream: `task/${allocId}/old`, verdict: 'kill', reason };
    expect(await orphans()).toMatchObject([{ data }]);
  });

  it('of a task that an update added after a backup is ended when that is put back', async () => {
    await runningPid(agent, 'web');
    await machine.killAgent();
    cpSync(inState('store'), inState('backup'), { recursive: true });
    agent = await machine.startAgent();
    const { tasks } = countingGroup('web', 1);
    await agent.run({ name: 'web', tasks: [...tasks, task('late', LASTING)] });
    const both = await until('both run', async () => {
      const pids = await pidsOf(agent, 'web');
      return pids !== false && pids.length === 2 && pids;
    });
    await machine.killAgent();
    rmSync(inState('store'), { recursive: true });
    cpSync(inState('backup'), inState('store'), { recursive: true });
    agent = await machine.startAgent();
    await until('it is ended', () => !isRunning(both[1] as number));
    expect(await until('the other is adopted', () => pidsOf(agent, 'web'))).toEqual([both[0]]);
    expect(await orphans()).toMatchObject([{ data: { verdict: 'kill' } }]);
  });

  it('of a state that was removed as a whole is told and left alone', async () => {
    const pid = await runningPid(agent, 'lost');
    const { instanceId } = await agent.agent();
    await machine.killAgent();
    rmSync(inState(), { recursive: true });
    agent = await machine.startAgent();
    const reason = expect.stringContaining(`whose state of instance ${instanceId} is gone`);
    const data = { pids: [pid], verdict: 'hold', stream: null, reason };
    await until('it is told', async () => (await orphans()).length > 0);
    expect(await orphans()).toMatchObject([{ data }]);
    expect(machine.output).toContain('nobody stands by this run');
    expect(isRunning(pid)).toBe(true);
  });

  it('whose start an older copy of the store does not know is adopted', async () => {
    await runningPid(agent, 'web');
    await machine.killAgent();
    cpSync(inState('store'), inState('backup'), { recursive: true });
    agent = await machine.startAgent();
    await agent.restart('web');
    const [pid] = await until('run 2 runs', async () => {
      const { tasks } = await agent.inspect('web');
      return tasks[0]?.run === 2 && pidsOf(agent, 'web');
    });
    const { storeId, head } = await agent.agent();
    await machine.killAgent();
    rmSync(inState('store'), { recursive: true });
    cpSync(inState('backup'), inState('store'), { recursive: true });
    agent = await machine.startAgent();
    const [view] = (await agent.inspect('web')).tasks;
    expect(view).toMatchObject({ run: 2, pid, state: 'running' });
    expect(await eventsSoFar(agent, { types: ['StoreDamaged'] })).toMatchObject([
      { data: { reason: expect.stringContaining('the log is shorter than recorded') } },
    ]);
    const stale = agent.events({ after: head, storeId, until: 'head' });
    await expect(stale[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'POSITION_AHEAD',
    });
    expect(isRunning(pid as number)).toBe(true);
    expect(await orphans()).toEqual([]);
  });
});

describe('what is not ours', () => {
  let strangers: ChildProcess[];
  afterEach(() => {
    for (const stranger of strangers) stranger.kill('SIGKILL');
  });

  it('is never touched, however much it looks like it', async () => {
    const pid = await runningPid(agent, 'web');
    const { instanceId } = await agent.agent();
    const key = readdirSync(inState('run')).find((name) => name.length === 20) as string;
    const marks = [
      `${instanceId}x:${key}`,
      `${instanceId.slice(0, -1)}:${key}`,
      `${instanceId}:${key}x`,
      `0123456789abcdef0123456789abcdef:${key}`,
      `:${key}`,
    ];
    strangers = marks.map((mark) =>
      spawn('sleep', ['600'], { env: { HOLDFAST_MARK: mark }, stdio: 'ignore' }),
    );
    await machine.killAgent();
    rmSync(inState('store'), { recursive: true });
    rmSync(inState('specs'), { recursive: true });
    rmSync(inState('run'), { recursive: true });
    agent = await machine.startAgent();
    await until('ours is ended', () => !isRunning(pid));
    expect(strangers.map((one) => isRunning(one.pid as number))).toEqual(marks.map(() => true));
    expect(await orphans()).toHaveLength(1);
  });
});
