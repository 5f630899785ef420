/** Of drivers that end a run, and let it go. */
import { LEFTOVER_PLAN, type StopStep, stopPlan } from '../../machines/kill-policy.ts';
import type { Thing } from '../../drivers/holdings.ts';
import type { RunRequest } from '../../drivers/driver.ts';
import {
  type DriverRig,
  type DriverRule,
  endOf,
  exitedWith,
  never,
  rule,
  same,
  started,
  verdict,
} from './rule.ts';

const nicely = (waitMs: number): readonly StopStep[] =>
  stopPlan({ signal: 'SIGTERM', deadline: waitMs, killTimeoutMs: waitMs }, 0);

/** Gives how the run ended. */
async function stopped(
  rig: DriverRig,
  run: RunRequest,
  plan: readonly StopStep[],
  untilReady?: (run: RunRequest) => Promise<void>,
): Promise<unknown> {
  await started(rig, run);
  const waiting = rig.driver.wait(run, rig.doors, never);
  await untilReady?.(run);
  const outcome = await rig.driver.stop(run, plan, rig.doors, never);
  same(outcome, { kind: 'ended' }, 'a stop did not end the run');
  return endOf(await waiting);
}

export const A_STOP: readonly DriverRule[] = [
  rule('ends a run by the wished signal', async (rig) => {
    const end = await stopped(rig, await rig.lasting(), nicely(20_000));
    same(end, exitedWith(null, 'SIGTERM'), 'the wished signal is not what ended the run');
  }),
  rule('ends a run by force', async (rig) => {
    const end = await stopped(rig, await rig.lasting(), LEFTOVER_PLAN);
    same(end, exitedWith(null, 'SIGKILL'), 'force is not what ended the run');
  }),
  rule('ends a run by force that takes no notice of the wished signal', async (rig) => {
    if (rig.deaf === undefined) return 'this rig has no program that ignores SIGTERM';
    const end = await stopped(rig, await rig.deaf(), nicely(1_000), rig.untilDeaf);
    same(end, exitedWith(null, 'SIGKILL'), 'a run that ignored SIGTERM was not ended by force');
    return undefined;
  }),
  rule('says again that a stopped run has ended', async (rig) => {
    const run = await rig.lasting();
    await stopped(rig, run, LEFTOVER_PLAN);
    const again = await rig.driver.stop(run, LEFTOVER_PLAN, rig.doors, never);
    same(again, { kind: 'ended' }, 'a second stop says otherwise');
  }),
  rule('changes nothing about an end by a stop that comes after it', async (rig) => {
    const run = await rig.ending(3);
    await started(rig, run);
    await rig.driver.wait(run, rig.doors, never);
    await rig.driver.stop(run, LEFTOVER_PLAN, rig.doors, never);
    const { outcome } = await rig.driver.inspect(run, rig.doors);
    same(endOf(outcome), exitedWith(3, null), 'a stop after the end changed the end');
  }),
  rule('releases a run more than once', async (rig) => {
    const run = await rig.ending(0);
    await started(rig, run);
    await rig.driver.wait(run, rig.doors, never);
    await rig.driver.release(run, rig.doors);
    const again = await rig.driver.release(run, rig.doors).then(
      () => 'fine',
      (error: unknown) => String(error),
    );
    same(again, 'fine', 'a second release failed');
  }),
  rule('makes nothing that could not be recorded before', async (rig) => {
    const { driver, doors, making, things } = rig;
    if (making === undefined || things === undefined) return NOTHING_MADE;
    const refuse = (): Promise<never> => Promise.reject(new Error('nothing can be recorded now'));
    const holdings = { current: () => [], record: refuse, forget: async () => undefined };
    const run = await making();
    await driver.start(run, { ...doors, holdings }, never).catch(() => undefined);
    same(await things(), [], 'something was made that is not recorded');
    const seen = await verdict(rig, run, 'starting');
    same(seen === 'adopt', false, 'a run began although what it needs could not be recorded');
    return undefined;
  }),
  rule('undoes what it made from the record alone, and forgets it', async (rig) => {
    const { driver, doors, making, things } = rig;
    if (making === undefined || things === undefined) return NOTHING_MADE;
    const run = await making();
    await stopped(rig, run, LEFTOVER_PLAN);
    await driver.release(run, doors);
    const next = await rig.nextAgent();
    const nextDoors = { ...next.doors, holdings: doors.holdings };
    const undo = (left: readonly Thing[]): Promise<void> | undefined =>
      next.driver.cleanUp?.(
        left.map((one) => ({ ...one, run: 1 })),
        run,
        nextDoors,
        never,
      );
    const recorded = doors.holdings.current();
    await undo(recorded);
    await undo(recorded);
    same(await things(), [], 'what the driver made was not undone');
    same(doors.holdings.current(), [], 'what was undone is still recorded');
    return undefined;
  }),
];

const NOTHING_MADE = 'this driver makes nothing outside of its runs, or the rig cannot see it';
