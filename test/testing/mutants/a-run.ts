/** Drivers that do wrong while a run goes on. */
import type { StartOutcome } from '../../../src/drivers/driver.ts';
import { again, counter, isLiving, miscounting, mutant, type Mutant } from './mutant.ts';

export const A_RUN: Readonly<Record<string, Mutant>> = {
  'has a process with an identity once a start resolves': mutant(
    'does not give the identity',
    (driver) => ({
      ...driver,
      async start(run, doors, signal) {
        const outcome = await driver.start(run, doors, signal);
        if (outcome.kind !== 'started') return outcome;
        return { ...outcome, process: Object.assign(outcome.process, { startTime: 1 }) };
      },
    }),
  ),
  'knows that it started a run': mutant('does not count as own', (driver) => {
    const adopted = new Set<string>();
    return {
      ...driver,
      adopt: (run, doors, signal) => {
        adopted.add(run.launchKey);
        return driver.adopt(run, doors, signal);
      },
      isOwn: ({ launchKey }) => adopted.has(launchKey),
    };
  }),
  'makes one program of a run, however often its start is asked for': mutant(
    'a second start made a second program',
    (driver, world) => {
      const times = counter();
      return {
        ...driver,
        async start(run, doors, signal) {
          const isSecond = times(run) === 2 && isLiving(world, run);
          return isSecond ? again(world, run) : driver.start(run, doors, signal);
        },
      };
    },
  ),
  'makes one program of two starts at once': mutant(
    'two starts at once made two programs',
    (driver, world) => {
      const underWay = new Map<string, Promise<StartOutcome>>();
      return {
        ...driver,
        async start(run, doors, signal) {
          const other = underWay.get(run.launchKey);
          if (other !== undefined) return other.then(() => again(world, run));
          const start = driver.start(run, doors, signal);
          underWay.set(run.launchKey, start);
          return start.finally(() => underWay.delete(run.launchKey));
        },
      };
    },
  ),
  'tells exit code 0 as it is': mutant('exit code 0 was told as another end', miscounting(0)),
  'tells exit code 7 as it is': mutant('exit code 7 was told as another end', miscounting(7)),
  'tells an end to everybody who asks, again and again': mutant(
    'who asked later was told another end',
    (driver) => {
      const times = counter();
      return {
        ...driver,
        async wait(run, doors, signal) {
          const isLate = times(run) === 3;
          const outcome = await driver.wait(run, doors, signal);
          return isLate ? { kind: 'lost', reason: 'forgotten', maybeRan: true } : outcome;
        },
      };
    },
  ),
  'shows how a run ended to whoever looks': mutant('not find the end that was told', (driver) => ({
    ...driver,
    async inspect(run, doors) {
      const { outcome, ...seen } = await driver.inspect(run, doors);
      if (outcome?.kind !== 'exited') return { outcome, ...seen };
      return { ...seen, outcome: { kind: 'exited', exit: { ...outcome.exit, exitedAt: 1 } } };
    },
  })),
  'begins nothing anew when a run that has ended is started again': mutant(
    'a run that had ended was begun anew',
    (driver, world) => ({
      ...driver,
      async start(run, doors, signal) {
        const hasEnded = world.recordOf(run).outcome?.kind === 'exited';
        return hasEnded ? again(world, run) : driver.start(run, doors, signal);
      },
    }),
  ),
  'touches no run because nobody waits for it any more': mutant(
    'ended because a wait for it was given up',
    (driver, world) => ({
      ...driver,
      async wait(run, doors, signal) {
        try {
          return await driver.wait(run, doors, signal);
        } finally {
          if (signal.aborted) world.exit(run.task.name);
        }
      },
    }),
  ),
  'delivers signals while a run lives, and none after': mutant(
    'to a run that had ended was delivered',
    (driver) => ({ ...driver, signal: async () => true }),
  ),
  'tells what a run uses, and leaves out what it cannot tell': mutant('as 0', (driver) => ({
    ...driver,
    async *stats(launchKey, query, doors) {
      for await (const sample of driver.stats?.(launchKey, query, doors) ?? []) {
        yield { ...sample, memory: { rssBytes: 0 } };
      }
    },
  })),
};
