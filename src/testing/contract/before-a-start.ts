/** Of drivers whose runs have not begun. */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { HoldfastError } from '../../errors.ts';
import { LEFTOVER_PLAN } from '../../machines/kill-policy.ts';
import { type DriverRule, never, rule, same, verdict } from './rule.ts';

export const BEFORE_A_START: readonly DriverRule[] = [
  rule('tells how healthy it is in one sentence', async ({ driver }) => {
    const { health, message, attributes } = await driver.fingerprint();
    same(driver.apiVersion, 1, 'the driver speaks another version of the contract');
    const known = ['undetected', 'unhealthy', 'healthy'];
    assert(known.includes(health), `"${health}" is no word for health`);
    const isSentence = typeof message === 'string' && message.trim() !== '';
    assert(isSentence, 'its health comes without a sentence for an operator');
    const texts = Object.values(attributes).filter((value) => typeof value !== 'string');
    same(texts, [], 'an attribute of its fingerprint is no text');
  }),
  rule('is healthy exactly when a start works', async ({ driver, doors, ...rig }) => {
    const { health, message } = await driver.fingerprint();
    const { kind } = await driver.start(await rig.lasting(), doors, never);
    const claim = `it says that it is ${health} ("${message}"), and a start was ${kind}`;
    assert.equal(health === 'healthy', kind === 'started', claim);
  }),
  rule('accepts a good config', async ({ driver, ...rig }) => {
    for (const run of [await rig.lasting(), await rig.ending(7)]) {
      await driver.checkConfig(run.task.config);
      await driver.checkTask?.(run.task);
    }
  }),
  rule('refuses a key that it does not know, and says where it is', async (rig) => {
    const { task } = await rig.lasting();
    const error = await refusalOf(async () => {
      await rig.driver.checkConfig({ ...task.config, nonsense: 1 });
    });
    assert(error !== undefined, 'a config with the key "nonsense" was accepted');
    const isTyped = HoldfastError.is(error, 'DRIVER_CONFIG_INVALID');
    assert(isTyped, `a bad config is told by ${inspect(error)}, not by DRIVER_CONFIG_INVALID`);
    const issues = error.details['issues'] as readonly { readonly path: string }[] | undefined;
    const paths = issues?.map(({ path }) => path);
    same(paths, ['nonsense'], 'details.issues of a bad config does not name the key');
  }),
  rule('shows nothing of a run that nobody started', async (rig) => {
    const run = await rig.lasting();
    same(await verdict(rig, run, 'starting'), 'launch', 'a run that nobody started is seen');
    same(rig.driver.isOwn(run, rig.doors), false, 'a run that nobody started counts as own');
  }),
  rule('refuses a start that cannot be, for good and with a reason', async (rig) => {
    const run = await rig.impossible();
    const outcome = await rig.driver.start(run, rig.doors, never);
    assert(outcome.kind === 'refused', `an impossible start was ${outcome.kind}`);
    same(outcome.isRecoverable, false, 'an impossible start is said to be worth another attempt');
    assert(outcome.code !== '' && outcome.message !== '', 'a refused start has no reason');
  }),
  rule('has not begun what it refused', async (rig) => {
    const run = await rig.impossible();
    await rig.driver.start(run, rig.doors, never);
    const seen = await verdict(rig, run, 'starting');
    const isNothing = seen === 'launch' || seen === 'recordAborted';
    assert(isNothing, `after a refused start the decision is "${seen}"`);
    same(rig.driver.isOwn(run, rig.doors), false, 'a run whose start was refused counts as own');
  }),
  rule('begins nothing for a start that was given up before', async (rig) => {
    const run = await rig.lasting();
    const error = await refusalOf(async () => {
      await rig.driver.start(run, rig.doors, AbortSignal.abort());
    });
    assert(error !== undefined, 'a start that was given up before was answered as if it were not');
    const seen = await verdict(rig, run, 'starting');
    const isNothing = seen === 'launch' || seen === 'recordAborted';
    assert(isNothing, `after a start that was given up before the decision is "${seen}"`);
  }),
  rule('lets the stop of a run that was not started win against a later start', async (rig) => {
    const run = await rig.lasting();
    const { driver, doors } = rig;
    const stopped = await driver.stop(run, LEFTOVER_PLAN, doors, never);
    same(stopped, { kind: 'aborted' }, 'a stop before the start does not abort it');
    const outcome = await driver.start(run, doors, never);
    same(outcome.kind, 'aborted', 'a run was started although it had been aborted');
    same(await verdict(rig, run, 'starting'), 'recordAborted', 'an aborted run is not seen as one');
  }),
];

async function refusalOf(attempt: () => Promise<void>): Promise<unknown> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return error;
  }
}
