/** What a driver is, whatever it makes of a task. A driver that is to be trusted passes this. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Driver, DriverDoors, RunOutcome, RunRequest } from '../../src/drivers/driver.ts';
import { LEFTOVER_PLAN, stopPlan } from '../../src/machines/kill-policy.ts';
import { decideStart } from '../../src/machines/start-decision.ts';

/** An agent's driver, and runs to try it with. */
export interface DriverRig {
  readonly driver: Driver;
  readonly doors: DriverDoors;
  /** A run of a program that goes on until it is stopped. */
  lasting(): Promise<RunRequest>;
  /** A run of a program that ends by itself with this exit code. */
  ending(exitCode: number): Promise<RunRequest>;
  /** A run that cannot be started, ever. */
  impossible(): Promise<RunRequest>;
  /** A new agent in the same world: the one before is gone without a word. */
  nextAgent(): Promise<DriverRig>;
  /** Ends everything that still runs. */
  end(): Promise<void>;
}

const never = new AbortController().signal;
const nicely = () => stopPlan({ signal: 'SIGTERM', deadline: 10_000, killTimeoutMs: 10_000 }, 0);

export function describeDriver(name: string, openRig: () => Promise<DriverRig>): void {
  const open = async (): Promise<DriverRig> => {
    const rig = await openRig();
    onTestFinished(() => rig.end());
    return rig;
  };
  describe(`${name}: before a start`, () => describeBefore(open));
  describe(`${name}: a run`, () => describeRun(open));
  describe(`${name}: a stop`, () => describeStop(open));
  describe(`${name}: another agent`, () => describeNextAgent(open));
}

type Open = () => Promise<DriverRig>;

async function started({ driver, doors }: DriverRig, run: RunRequest) {
  const outcome = await driver.start(run, doors, never);
  if (outcome.kind !== 'started') throw new Error(JSON.stringify(outcome));
  return outcome.process;
}

/** What the decision function makes of what the driver sees. */
async function verdict(
  { driver, doors }: DriverRig,
  run: RunRequest,
  stage: 'starting' | 'started',
): Promise<string> {
  return decideStart(stage, (await driver.inspect(run, doors)).evidence).act;
}

function describeBefore(open: Open): void {
  it('tells how healthy it is', async () => {
    const { driver } = await open();
    expect(driver.apiVersion).toBe(1);
    expect(await driver.fingerprint()).toMatchObject({
      health: expect.stringMatching(/^(undetected|unhealthy|healthy)$/),
      message: expect.any(String),
      attributes: expect.any(Object),
    });
  });

  it('accepts a good config and refuses one that it does not know, saying where', async () => {
    const { driver, ...rig } = await open();
    const { task } = await rig.lasting();
    expect(() => driver.checkConfig(task.config)).not.toThrow();
    expect(() => driver.checkConfig({ ...task.config, nonsense: 1 })).toThrow(
      expect.objectContaining({
        code: 'DRIVER_CONFIG_INVALID',
        details: { issues: [expect.objectContaining({ path: 'nonsense' })] },
      }),
    );
  });

  it('shows nothing of a run that nobody started', async () => {
    const rig = await open();
    const run = await rig.lasting();
    expect(await verdict(rig, run, 'starting')).toBe('launch');
    expect(rig.driver.isOwn(run, rig.doors)).toBe(false);
  });

  it('refuses a start that cannot be, and has then not started anything', async () => {
    const rig = await open();
    const run = await rig.impossible();
    const outcome = await rig.driver.start(run, rig.doors, never);
    expect(outcome).toMatchObject({
      kind: 'refused',
      code: expect.any(String),
      message: expect.any(String),
      isRecoverable: false,
    });
    expect(rig.driver.isOwn(run, rig.doors)).toBe(false);
  });
}

function describeRun(open: Open): void {
  it('is a process with an identity once its start resolves', async () => {
    const rig = await open();
    const run = await rig.lasting();
    const process = await started(rig, run);
    expect(process).toEqual({
      pid: expect.any(Number),
      startTime: expect.any(String),
      machineEpoch: expect.any(String),
      startedAt: expect.any(Number),
    });
    expect(rig.driver.isOwn(run, rig.doors)).toBe(true);
    expect(await verdict(rig, run, 'starting')).toBe('adopt');
    expect((await rig.driver.inspect(run, rig.doors)).process).toEqual(process);
  });

  it('is one program, however often its start is asked for', async () => {
    const rig = await open();
    const run = await rig.lasting();
    const first = await started(rig, run);
    expect(await started(rig, run)).toEqual(first);
  });

  it.each([0, 3])('ends with exit code %d, for everybody who asks', async (exitCode) => {
    const rig = await open();
    const run = await rig.ending(exitCode);
    await started(rig, run);
    const ended = await rig.driver.wait(run, rig.doors, never);
    expect(ended).toMatchObject({ kind: 'exited', exit: { exitCode, signal: null } });
    expect(await rig.driver.wait(run, rig.doors, never)).toEqual(ended);
    expect(await verdict(rig, run, 'started')).toBe('recordExit');
    expect((await rig.driver.inspect(run, rig.doors)).outcome).toEqual(ended);
  });

  it('is not touched when nobody waits for it any more', async () => {
    const rig = await open();
    const run = await rig.lasting();
    await started(rig, run);
    const giveUp = new AbortController();
    const waiting = rig.driver.wait(run, rig.doors, giveUp.signal);
    giveUp.abort();
    await expect(waiting).rejects.toThrow();
    expect(await verdict(rig, run, 'started')).toBe('adopt');
  });

  it('takes signals while it lives, and none after', async () => {
    const rig = await open();
    const run = await rig.lasting();
    await started(rig, run);
    expect(await rig.driver.signal(run, 'SIGCONT', rig.doors)).toBe(true);
    await rig.driver.stop(run, LEFTOVER_PLAN, rig.doors, never);
    expect(await rig.driver.signal(run, 'SIGCONT', rig.doors)).toBe(false);
  });

  it('may be released more than once', async () => {
    const rig = await open();
    const run = await rig.ending(0);
    await started(rig, run);
    await rig.driver.wait(run, rig.doors, never);
    await rig.driver.release(run, rig.doors);
    await rig.driver.release(run, rig.doors);
  });
}

function describeStop(open: Open): void {
  it.each([
    ['the wished signal', nicely, 'SIGTERM'],
    ['force', () => LEFTOVER_PLAN, 'SIGKILL'],
  ] as const)('by %s ends the run, and says so again', async (_how, plan, signal) => {
    const rig = await open();
    const run = await rig.lasting();
    await started(rig, run);
    const waiting = rig.driver.wait(run, rig.doors, never);
    expect(await rig.driver.stop(run, plan(), rig.doors, never)).toEqual({ kind: 'ended' });
    expect(await waiting).toMatchObject({ kind: 'exited', exit: { exitCode: null, signal } });
    expect(await rig.driver.stop(run, plan(), rig.doors, never)).toEqual({ kind: 'ended' });
  });

  it('of a run that was not started wins against a start that comes later', async () => {
    const rig = await open();
    const run = await rig.lasting();
    expect(await rig.driver.stop(run, LEFTOVER_PLAN, rig.doors, never)).toEqual({
      kind: 'aborted',
    });
    expect(await rig.driver.start(run, rig.doors, never)).toEqual({ kind: 'aborted' });
    expect(await verdict(rig, run, 'starting')).toBe('recordAborted');
  });

  it('of a run that has ended changes nothing about its end', async () => {
    const rig = await open();
    const run = await rig.ending(3);
    await started(rig, run);
    await rig.driver.wait(run, rig.doors, never);
    await rig.driver.stop(run, LEFTOVER_PLAN, rig.doors, never);
    expect((await rig.driver.inspect(run, rig.doors)).outcome).toMatchObject({
      kind: 'exited',
      exit: { exitCode: 3 },
    });
  });
}

function describeNextAgent(open: Open): void {
  it('finds the run alive, adopts it, and hears of its end', async () => {
    const first = await open();
    const run = await first.lasting();
    const process = await started(first, run);
    const next = await first.nextAgent();
    expect(next.driver.isOwn(run, next.doors)).toBe(false);
    expect(await verdict(next, run, 'started')).toBe('adopt');
    expect((await next.driver.inspect(run, next.doors)).process).toEqual(process);
    expect(await next.driver.adopt(run, next.doors, never)).toBe(true);
    expect(next.driver.isOwn(run, next.doors)).toBe(true);
    const waiting: Promise<RunOutcome> = next.driver.wait(run, next.doors, never);
    await next.driver.stop(run, LEFTOVER_PLAN, next.doors, never);
    expect(await waiting).toMatchObject({ kind: 'exited', exit: { signal: 'SIGKILL' } });
  });

  it('starts nothing anew under a key that was used', async () => {
    const first = await open();
    const run = await first.lasting();
    const process = await started(first, run);
    const next = await first.nextAgent();
    expect(await started(next, run)).toEqual(process);
  });

  it('finds how a run ended while there was no agent', async () => {
    const first = await open();
    const run = await first.ending(3);
    await started(first, run);
    await first.driver.wait(run, first.doors, never);
    const next = await first.nextAgent();
    expect(await verdict(next, run, 'started')).toBe('recordExit');
    expect((await next.driver.inspect(run, next.doors)).outcome).toMatchObject({
      kind: 'exited',
      exit: { exitCode: 3 },
    });
    expect(await next.driver.adopt(run, next.doors, never)).toBe(false);
  });
}
