/** Of drivers one of whose runs has begun. */
import assert from 'node:assert/strict';
import { HoldfastError } from '../../errors.ts';
import { LEFTOVER_PLAN } from '../../machines/kill-policy.ts';
import type { StartOutcome } from '../../drivers/driver.ts';
import { type DriverRule, endOf, exitedWith, never, rule, same, started, verdict } from './rule.ts';

export const A_RUN: readonly DriverRule[] = [
  rule('has a process with an identity once a start resolves', async (rig) => {
    const run = await rig.lasting();
    const process = await started(rig, run);
    const types = Object.entries(process).map(([key, value]) => `${key} ${typeof value}`);
    const wanted = ['machineEpoch string', 'pid number', 'startTime string', 'startedAt number'];
    same(types.toSorted(), wanted, 'a start does not give the identity of its process');
    same(await verdict(rig, run, 'starting'), 'adopt', 'a run that was started is not seen alive');
    const seen = (await rig.driver.inspect(run, rig.doors)).process;
    same(seen, process, 'a look does not find the process that the start gave');
  }),
  rule('knows that it started a run', async (rig) => {
    const run = await rig.lasting();
    await started(rig, run);
    same(rig.driver.isOwn(run, rig.doors), true, 'a run that was started does not count as own');
  }),
  rule('makes one program of a run, however often its start is asked for', async (rig) => {
    const run = await rig.lasting();
    const first = await started(rig, run);
    same(await started(rig, run), first, 'a second start made a second program');
  }),
  rule('makes one program of two starts at once', async (rig) => {
    const run = await rig.lasting();
    const start = (): Promise<StartOutcome> => rig.driver.start(run, rig.doors, never);
    const starts = await Promise.allSettled([start(), start()]);
    const begun = starts.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
    assert(begun.length > 0, 'neither of two starts at once was answered');
    for (const one of starts) {
      if (one.status === 'fulfilled') continue;
      const isWorthAnother = HoldfastError.from(one.reason).retryable;
      assert(isWorthAnother, `one of two starts at once failed for good: ${String(one.reason)}`);
    }
    const process = await started(rig, run);
    for (const one of begun) {
      const found = one.kind === 'started' ? one.process : one;
      same(found, process, 'two starts at once made two programs');
    }
  }),
  ...[0, 7].map((exitCode) =>
    rule(`tells exit code ${exitCode} as it is`, async (rig) => {
      const run = await rig.ending(exitCode);
      await started(rig, run);
      const ended = await rig.driver.wait(run, rig.doors, never);
      const wanted = exitedWith(exitCode, null);
      same(endOf(ended), wanted, `exit code ${exitCode} was told as another end`);
    }),
  ),
  rule('tells an end to everybody who asks, again and again', async (rig) => {
    const run = await rig.ending(4);
    await started(rig, run);
    const wait = (): Promise<unknown> => rig.driver.wait(run, rig.doors, never);
    const ends = [...(await Promise.all([wait(), wait()])), await wait()];
    for (const end of ends) same(end, ends[0], 'who asked later was told another end');
  }),
  rule('shows how a run ended to whoever looks', async (rig) => {
    const run = await rig.ending(5);
    await started(rig, run);
    const ended = await rig.driver.wait(run, rig.doors, never);
    same(await verdict(rig, run, 'started'), 'recordExit', 'a run that has ended is not seen so');
    const seen = (await rig.driver.inspect(run, rig.doors)).outcome;
    same(seen, ended, 'a look does not find the end that was told');
  }),
  rule('begins nothing anew when a run that has ended is started again', async (rig) => {
    const run = await rig.ending(6);
    const first = await started(rig, run);
    await rig.driver.wait(run, rig.doors, never);
    const again = await rig.driver.start(run, rig.doors, never).catch((error: unknown) => {
      assert(HoldfastError.from(error).retryable, `failed for good: ${String(error)}`);
    });
    const process = again?.kind === 'started' ? again.process : first;
    same(process, first, 'a run that had ended was begun anew');
    const seen = await verdict(rig, run, 'started');
    same(seen, 'recordExit', 'a start after the end changed how the run is seen');
  }),
  rule('touches no run because nobody waits for it any more', async (rig) => {
    const run = await rig.lasting();
    await started(rig, run);
    const giveUp = new AbortController();
    const waiting = rig.driver.wait(run, rig.doors, giveUp.signal).then(
      () => 'answered',
      () => 'given up',
    );
    giveUp.abort();
    same(await waiting, 'given up', 'a wait that was given up was answered');
    const seen = await verdict(rig, run, 'started');
    same(seen, 'adopt', 'a run ended because a wait for it was given up');
  }),
  rule('delivers signals while a run lives, and none after', async (rig) => {
    const run = await rig.lasting();
    await started(rig, run);
    const signal = (): Promise<boolean> => rig.driver.signal(run, 'SIGCONT', rig.doors);
    same(await signal(), true, 'a signal to a living run was not delivered');
    await rig.driver.stop(run, LEFTOVER_PLAN, rig.doors, never);
    same(await signal(), false, 'a signal to a run that had ended was delivered');
  }),
  rule('tells what a run uses, and leaves out what it cannot tell', async (rig) => {
    const { driver, usage } = rig;
    if (driver.stats === undefined) return 'this driver does not tell what runs use';
    if (usage === undefined) return 'this rig has no door for what runs use';
    const run = await rig.lasting();
    await started(rig, run);
    const giveUp = new AbortController();
    const query = { intervalMs: 1_000, withProcesses: false, signal: giveUp.signal };
    for await (const sample of driver.stats(run.launchKey, query, { usage })) {
      giveUp.abort();
      const { memory, processCount } = sample;
      assert(processCount >= 1, `a living run is said to have ${processCount} processes`);
      same(memory.rssBytes === 0, false, 'what is not known of memory is told as 0');
      return undefined;
    }
    assert.fail('nothing was told of what a living run uses');
  }),
];
