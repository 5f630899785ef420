/** Drivers that do wrong about runs of an agent before them. */
import { again, exit, isLiving, mutant, type Mutant } from './mutant.ts';

export const NEXT_AGENT: Readonly<Record<string, Mutant>> = {
  'finds a run alive that an agent before it started': mutant(
    'is seen as another process',
    (driver) => ({
      ...driver,
      async inspect(run, doors) {
        const seen = await driver.inspect(run, doors);
        if (seen.process === undefined || driver.isOwn(run, doors)) return seen;
        return { ...seen, process: { ...seen.process, pid: 1 } };
      },
    }),
  ),
  'adopts a run that it never saw, and hears of its end': mutant(
    'a living run was not adopted',
    (driver) => ({
      ...driver,
      async adopt(run, doors, signal) {
        await driver.adopt(run, doors, signal);
        return false;
      },
    }),
  ),
  'stops a run that it never saw': mutant('goes on after it was stopped', (driver, world) => ({
    ...driver,
    async stop(run, plan, doors, signal) {
      const isStrange = isLiving(world, run) && !driver.isOwn(run, doors);
      return isStrange ? { kind: 'ended' } : driver.stop(run, plan, doors, signal);
    },
  })),
  'starts nothing anew under a key that an agent before it used': mutant(
    'the next agent made a second program',
    (driver, world) => ({
      ...driver,
      async start(run, doors, signal) {
        const isStrange = isLiving(world, run) && !driver.isOwn(run, doors);
        return isStrange ? again(world, run) : driver.start(run, doors, signal);
      },
    }),
  ),
  'finds how a run ended while there was no agent': mutant(
    'does not find how the run ended',
    (driver) => ({
      ...driver,
      async inspect(run, doors) {
        const seen = await driver.inspect(run, doors);
        const { outcome } = seen;
        const isCode = outcome?.kind === 'exited' && outcome.exit.exitCode !== null;
        return isCode && !driver.isOwn(run, doors) ? { ...seen, outcome: exit(0) } : seen;
      },
    }),
  ),
  'adopts nothing that has ended': mutant('a run that has ended was adopted', (driver) => ({
    ...driver,
    async adopt(run, doors, signal) {
      await driver.adopt(run, doors, signal);
      return true;
    },
  })),
};
