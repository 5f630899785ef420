/** Agents that come late to a run, and engines that go away under one. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { RunRequest } from '../../src/drivers/driver.ts';
import { LEFTOVER_PLAN } from '../../src/machines/kill-policy.ts';
import { decideStart } from '../../src/machines/start-decision.ts';
import { type DockerAgent, DockerRuns } from './docker-runs.ts';
import { EngineRig, IMAGE, whyNoEngine } from './engine-rig.ts';
import { FaultySocket } from './faulty-socket.ts';

const missing = whyNoEngine();
const patience = { timeout: 20_000 };
const never = new AbortController().signal;

describe.skipIf(missing !== undefined)(`runs of containers ${missing ?? ''}`, () => {
  let engine: EngineRig;
  beforeAll(async () => {
    engine = await EngineRig.open();
  });
  afterAll(() => engine.close());

  function files(endpoint: string, limitMs?: number): DockerRuns {
    const runs = new DockerRuns(endpoint, {}, limitMs);
    onTestFinished(() => {
      const names = engine.names();
      if (names.length > 0) engine.docker('rm', '--force', ...names);
      runs.close();
    });
    return runs;
  }

  async function verdict(agent: DockerAgent, run: RunRequest, stage: 'starting' | 'started') {
    return decideStart(stage, (await agent.driver.inspect(run, agent.doors)).evidence).act;
  }

  it('begin once, when an agent stands still before its create until the next one is done with the run', async () => {
    const proxy = await FaultySocket.open(join(engine.dir, 'late.sock'), engine.socket);
    onTestFinished(() => proxy.close());
    let passOn = (): void => undefined;
    const late = new Promise<void>((resolve) => (passOn = resolve));
    proxy.break('POST', /^\/containers\/create/, 'hang before', 1, late);
    const runs = files(proxy.endpoint, 60_000);
    const run = runs.script('echo x >>/alloc/ran; sleep 0.1');
    const first = runs.agent();
    const closing = new AbortController();
    const starting = first.driver.start(run, first.doors, closing.signal);
    await expect
      .poll(() => proxy.broken, patience)
      .toEqual(['POST /containers/create hang before']);
    closing.abort(new Error('closed'));
    const next = runs.agent();
    // The first one is still at it, whatever it says of itself.
    expect(await verdict(next, run, 'starting')).toBe('wait');
    await expect(next.driver.start(run, next.doors, never)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    const stop = next.driver.stop(run, LEFTOVER_PLAN, next.doors, never);
    await expect(stop).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    proxy.drop();
    await expect(starting).rejects.toThrow();
    expect(await verdict(next, run, 'starting')).toBe('launch');
    await next.driver.start(run, next.doors, never).catch(() => undefined);
    expect(await next.driver.wait(run, next.doors, never)).toMatchObject({ kind: 'exited' });
    await next.driver.release(run, next.doors);
    expect(engine.names()).toEqual([]);
    passOn();
    await expect.poll(() => engine.names(), patience).toHaveLength(1);
    await expect(first.driver.start(run, first.doors, never)).rejects.toThrow();
    expect(readFileSync(join(runs.dir, 'ran'), 'utf8')).toBe('x\n');
  });

  it('are never begun by an agent that finds the claim of another that lives', async () => {
    const runs = files(engine.endpoint);
    const run = runs.lasting();
    const agent = runs.agent();
    agent.doors.claims.note(run, 'seen');
    const [line] = readFileSync(`/proc/${process.ppid}/stat`, 'latin1').split('\n');
    const claim = join(runs.dir, 'state/run', run.launchKey, 'claim');
    appendFileSync(claim, `launch ${agent.doors.claims.machineEpoch} ${line}\n`);
    expect(await verdict(agent, run, 'starting')).toBe('wait');
    await expect(agent.driver.start(run, agent.doors, never)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(engine.names()).toEqual([]);
  });

  it('are begun by the next agent when the one that claimed it is dead', async () => {
    const runs = files(engine.endpoint);
    const run = runs.lasting();
    const agent = runs.agent();
    agent.doors.claims.note(run, 'seen');
    const [line = ''] = readFileSync('/proc/self/stat', 'latin1').split('\n');
    const claim = join(runs.dir, 'state/run', run.launchKey, 'claim');
    // No process that lives has a pid like that.
    appendFileSync(
      claim,
      `launch ${agent.doors.claims.machineEpoch} ${line.replace(/^\d+/, '99999999')}\n`,
    );
    expect(await verdict(agent, run, 'starting')).toBe('launch');
    expect(await agent.driver.start(run, agent.doors, never)).toMatchObject({ kind: 'started' });
  });

  it('leave a container alone that has the name and is not ours', async () => {
    const runs = files(engine.endpoint);
    const run = runs.lasting();
    const name = `holdfast-${run.launchKey}`;
    engine.docker('create', '--name', name, '--label', `dev.holdfast.alloc=${run.allocId}`, IMAGE);
    const agent = runs.agent();
    expect(await agent.driver.start(run, agent.doors, never)).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('NameConflict'),
      isRecoverable: false,
    });
    await agent.driver.release(run, agent.doors);
    const { allocId, allocName, task } = run;
    const things = [{ kind: 'container', id: name, run: 1 }];
    await agent.driver.cleanUp?.(things, { allocId, allocName, task }, agent.doors, never);
    expect(engine.names()).toEqual([name]);
  });

  it('are lost, and not begun again, when somebody removed the container', async () => {
    const runs = files(engine.endpoint);
    const run = runs.lasting();
    const agent = runs.agent();
    await agent.driver.start(run, agent.doors, never);
    const waiting = agent.driver.wait(run, agent.doors, never);
    engine.docker('rm', '--force', `holdfast-${run.launchKey}`);
    expect(['lost', 'exited']).toContain((await waiting).kind);
    expect(await verdict(agent, run, 'starting')).toBe('recordLost');
  });

  it('are recorded before they are made, and undone from the record by an agent that never saw them', async () => {
    const runs = files(engine.endpoint);
    const run = runs.lasting();
    const agent = runs.agent();
    await agent.driver.start(run, agent.doors, never);
    const things = agent.doors.holdings.current();
    expect(things).toEqual([{ kind: 'container', id: `holdfast-${run.launchKey}`, run: 1 }]);
    const next = runs.agent();
    const { allocId, allocName, task } = run;
    await next.driver.cleanUp?.(things, { allocId, allocName, task }, next.doors, never);
    expect(engine.names()).toEqual([]);
  });

  it('are unknown while their engine is away, and ended when it says so', async () => {
    const runs = files(engine.endpoint);
    const run = runs.lasting();
    const agent = runs.agent();
    await agent.driver.start(run, agent.doors, never);
    const waiting = agent.driver.wait(run, agent.doors, never);
    await engine.down('SIGTERM');
    expect(existsSync(engine.socket)).toBe(false);
    expect(await verdict(agent, run, 'started')).toBe('wait');
    expect(await verdict(agent, run, 'starting')).toBe('wait');
    await engine.up();
    // Its engine ended it: nobody of ours sent that signal, and the engine says 143.
    expect(await waiting).toMatchObject({ kind: 'exited', exit: { exitCode: 143, signal: null } });
    expect(await verdict(agent, run, 'started')).toBe('recordExit');
  });

  it('end by what was sent to them, and run out of memory by force', async () => {
    const runs = files(engine.endpoint);
    const greedy = runs.run({ command: 'sh', args: ['-c', 'sleep 0.3; tail /dev/zero'] });
    const run = { ...greedy, task: { ...greedy.task, resources: { memoryMb: 8 } } };
    const agent = runs.agent();
    await agent.driver.start(run, agent.doors, never);
    expect(await agent.driver.wait(run, agent.doors, never)).toMatchObject({
      kind: 'exited',
      exit: { oomKilled: true, exitCode: null, signal: 'SIGKILL' },
    });
  });
});
