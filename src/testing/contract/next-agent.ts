/** Of drivers of an agent that comes after another one died. */
import { LEFTOVER_PLAN } from '../../machines/kill-policy.ts';
import { type DriverRule, endOf, exitedWith, never, rule, same, started, verdict } from './rule.ts';

export const NEXT_AGENT: readonly DriverRule[] = [
  rule('finds a run alive that an agent before it started', async (rig) => {
    const run = await rig.lasting();
    const process = await started(rig, run);
    const { driver, doors } = await rig.nextAgent();
    same(driver.isOwn(run, doors), false, "another agent's run counts as own before it is adopted");
    const next = { ...rig, driver, doors };
    same(await verdict(next, run, 'started'), 'adopt', "another agent's run is not seen alive");
    const seen = (await driver.inspect(run, doors)).process;
    same(seen, process, "another agent's run is seen as another process");
  }),
  rule('adopts a run that it never saw, and hears of its end', async (rig) => {
    const run = await rig.lasting();
    await started(rig, run);
    const { driver, doors } = await rig.nextAgent();
    same(await driver.adopt(run, doors, never), true, 'a living run was not adopted');
    same(driver.isOwn(run, doors), true, 'an adopted run does not count as own');
    const waiting = driver.wait(run, doors, never);
    await driver.stop(run, LEFTOVER_PLAN, doors, never);
    const end = endOf(await waiting);
    same(end, exitedWith(null, 'SIGKILL'), 'the end of an adopted run was told wrongly');
  }),
  rule('stops a run that it never saw', async (rig) => {
    const run = await rig.lasting();
    await started(rig, run);
    const { driver, doors } = await rig.nextAgent();
    const outcome = await driver.stop(run, LEFTOVER_PLAN, doors, never);
    same(outcome, { kind: 'ended' }, "another agent's run could not be stopped");
    const seen = endOf((await driver.inspect(run, doors)).outcome);
    same(seen, exitedWith(null, 'SIGKILL'), "another agent's run goes on after it was stopped");
  }),
  rule('starts nothing anew under a key that an agent before it used', async (rig) => {
    const run = await rig.lasting();
    const process = await started(rig, run);
    const next = await rig.nextAgent();
    same(await started(next, run), process, 'the next agent made a second program');
  }),
  rule('finds how a run ended while there was no agent', async (rig) => {
    const run = await rig.ending(3);
    await started(rig, run);
    await rig.driver.wait(run, rig.doors, never);
    const { driver, doors } = await rig.nextAgent();
    const seen = endOf((await driver.inspect(run, doors)).outcome);
    same(seen, exitedWith(3, null), 'the next agent does not find how the run ended');
  }),
  rule('adopts nothing that has ended', async (rig) => {
    const run = await rig.ending(3);
    await started(rig, run);
    await rig.driver.wait(run, rig.doors, never);
    const { driver, doors } = await rig.nextAgent();
    same(await driver.adopt(run, doors, never), false, 'a run that has ended was adopted');
  }),
];
