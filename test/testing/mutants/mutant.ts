/** What drivers are made of each of which breaks one rule of the contract, as a driver of somebody may. */
import type { Driver, RunOutcome, RunRequest, StartOutcome } from '../../../src/drivers/driver.ts';
import type { MockWorld } from '../../../src/testing/index.ts';

export interface Mutant {
  /** Of what the rule says about it. */
  readonly reason: string;
  readonly mutate: (driver: Driver, world: MockWorld) => Driver;
}

export const mutant = (reason: string, mutate: Mutant['mutate']): Mutant => ({ reason, mutate });

export const exit = (exitCode: number | null, signal: string | null = null): RunOutcome => {
  return { kind: 'exited', exit: { exitCode, signal, oomKilled: false, exitedAt: 1 } };
};

/** Of programs with this exit code another end is told. */
export function miscounting(exitCode: number): Mutant['mutate'] {
  return (driver) => ({
    ...driver,
    async wait(run, doors, signal) {
      const outcome = await driver.wait(run, doors, signal);
      const isIt = outcome.kind === 'exited' && outcome.exit.exitCode === exitCode;
      return isIt ? exit(1) : outcome;
    },
  });
}

/** Counts the calls about each run. */
export function counter(): (run: RunRequest) => number {
  const counts = new Map<string, number>();
  return ({ launchKey }) => {
    const count = (counts.get(launchKey) ?? 0) + 1;
    counts.set(launchKey, count);
    return count;
  };
}

export function isLiving(world: MockWorld, run: RunRequest): boolean {
  const { fate, outcome } = world.recordOf(run);
  return fate === 'launch' && outcome === undefined;
}

/** Begins a second program where the rule says that there must be only one. */
export function again(world: MockWorld, run: RunRequest): StartOutcome {
  const found = world.recordOf(run);
  found.outcome = undefined;
  return { kind: 'started', process: world.begin(found) };
}
