/** Drivers that do wrong when a run is stopped and let go. */
import type { RunRequest } from '../../../src/drivers/driver.ts';
import { counter, exit, mutant, type Mutant } from './mutant.ts';

export const A_STOP: Readonly<Record<string, Mutant>> = {
  'ends a run by the wished signal': mutant('the wished signal is not what', (driver) => ({
    ...driver,
    stop: (run, plan, doors, signal) => driver.stop(run, plan.slice(-1), doors, signal),
  })),
  'ends a run by force': mutant('force is not what ended the run', (driver) => {
    const begun = new Set<RunRequest>();
    return {
      ...driver,
      start(run, doors, signal) {
        begun.add(run);
        return driver.start(run, doors, signal);
      },
      async wait(run, doors, signal) {
        const outcome = await driver.wait(run, doors, signal);
        const isForce = outcome.kind === 'exited' && outcome.exit.signal === 'SIGKILL';
        const isWrong = isForce && begun.has(run) && run.task.config['ignoresSignals'] !== true;
        return isWrong ? exit(137) : outcome;
      },
    };
  }),
  'ends a run by force that takes no notice of the wished signal': mutant(
    'a stop did not end the run',
    (driver) => ({
      ...driver,
      stop: (run, plan, doors, signal) => driver.stop(run, plan.slice(0, 1), doors, signal),
    }),
  ),
  'says again that a stopped run has ended': mutant('a second stop says otherwise', (driver) => {
    const times = counter();
    return {
      ...driver,
      async stop(run, plan, doors, signal) {
        const outcome = await driver.stop(run, plan, doors, signal);
        return times(run) === 2 ? { kind: 'stuck', message: 'no such process' } : outcome;
      },
    };
  }),
  'changes nothing about an end by a stop that comes after it': mutant(
    'a stop after the end changed the end',
    (driver, world) => ({
      ...driver,
      async stop(run, plan, doors, signal) {
        const found = world.recordOf(run);
        if (found.outcome !== undefined) found.outcome = exit(null, 'SIGKILL');
        return driver.stop(run, plan, doors, signal);
      },
    }),
  ),
  'releases a run more than once': mutant('a second release failed', (driver) => {
    const times = counter();
    return {
      ...driver,
      async release(run, doors) {
        if (times(run) === 2) throw new Error('no such container');
        await driver.release(run, doors);
      },
    };
  }),
  'makes nothing that could not be recorded before': mutant(
    'something was made that is not recorded',
    (driver, world) => ({
      ...driver,
      start(run, doors, signal) {
        const { makes } = run.task.config;
        if (typeof makes === 'string') world.volumes.add(makes);
        return driver.start(run, doors, signal);
      },
    }),
  ),
  'undoes what it made from the record alone, and forgets it': mutant(
    'what the driver made was not undone',
    (driver) => ({ ...driver, cleanUp: async () => undefined }),
  ),
};
