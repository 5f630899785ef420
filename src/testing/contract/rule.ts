/** What the rules of the contract of drivers are made of. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Sessions } from '../../actors/sessions.ts';
import type { Driver, DriverDoors, RunRequest } from '../../drivers/driver.ts';
import type { Thing } from '../../drivers/holdings.ts';
import type { UsageDoor } from '../../drivers/usage.ts';
import { decideStart } from '../../machines/start-decision.ts';
import type { ProcessFacts } from '../../machines/task-messages.ts';

/** An agent's driver, and runs to try it with: each call of one gives another run. What is left out is not tried. */
export interface DriverRig {
  readonly driver: Driver;
  readonly doors: DriverDoors;
  /** A run of a program that goes on until it is stopped. SIGTERM ends it. */
  readonly lasting: () => Promise<RunRequest>;
  /** A run of a program that ends by itself with this exit code. */
  readonly ending: (exitCode: number) => Promise<RunRequest>;
  /** A run that cannot be started, ever. */
  readonly impossible: () => Promise<RunRequest>;
  /** A run of a program that goes on until it is stopped, and takes no notice of SIGTERM. */
  readonly deaf?: () => Promise<RunRequest>;
  /** Resolves when the program of such a run ignores it: with `deaf`, unless that is so from its first instruction. */
  readonly untilDeaf?: (run: RunRequest) => Promise<void>;
  /** A run for which the driver makes something outside of it. */
  readonly making?: () => Promise<RunRequest>;
  /** What there is now of all that the driver made outside of runs. */
  readonly things?: () => Promise<readonly Thing[]>;
  /** For drivers that ask the executor what a run uses. */
  readonly usage?: UsageDoor;
  /** For drivers that run commands beside their programs: what these are handed, and the other side of it. */
  readonly sessions?: Pick<Sessions, 'open' | 'read' | 'write' | 'keepUnrecorded'>;
  /** How long the end of such a command may take to be told, in milliseconds. 20 s when left out. */
  readonly patienceMs?: number;
  /** A new agent in the same world: the one before is gone without a word. */
  readonly nextAgent: () => Promise<DriverRig>;
  /** Ends everything that still runs. Called once, on the rig that was opened first. */
  readonly end: () => Promise<void>;
}

export interface DriverRule {
  /** Completes the sentence "a driver …". */
  readonly title: string;
  /**
   * Opens a rig of its own and ends it. Throws an AssertionError that says what the driver did wrong. Gives why the
   * rule was not tried with this driver, undefined when it was.
   */
  readonly run: (openRig: () => Promise<DriverRig>) => Promise<string | undefined>;
}

/** How long a rule may take: for what hangs, on a machine that may be busy with much else. */
const LIMIT_MS = 45_000;

export const never: AbortSignal = new AbortController().signal;

/** `attempt` may give why there is nothing to try. */
export function rule(
  title: string,
  attempt: (rig: DriverRig) => Promise<string | void>,
): DriverRule {
  return {
    title,
    async run(openRig) {
      const rig = await openRig();
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise<never>((_resolve, reject) => {
        const late = (): void =>
          reject(new assert.AssertionError({ message: `no answer for ${LIMIT_MS / 1_000} s` }));
        timer = setTimeout(late, LIMIT_MS);
      });
      try {
        const reason = await Promise.race([attempt(rig), limit]);
        return typeof reason === 'string' ? reason : undefined;
      } finally {
        clearTimeout(timer);
        await rig.end();
      }
    },
  };
}

export async function started(
  { driver, doors }: DriverRig,
  run: RunRequest,
): Promise<ProcessFacts> {
  const outcome = await driver.start(run, doors, never);
  assert.equal(outcome.kind, 'started', `a start that must work gave ${JSON.stringify(outcome)}`);
  return outcome.process;
}

/** What is decided about the run from what the driver sees. */
export async function verdict(
  { driver, doors }: DriverRig,
  run: RunRequest,
  stage: 'starting' | 'started',
): Promise<string> {
  return decideStart(stage, (await driver.inspect(run, doors)).evidence).act;
}

/** Fails with the reason and what was found instead. */
export function same(found: unknown, expected: unknown, reason: string): void {
  if (isDeepStrictEqual(found, expected)) return;
  const message = `${reason}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`;
  throw new assert.AssertionError({ message, actual: found, expected, operator: 'deepEqual' });
}

/** What of an end is the same for everybody who asks. */
export function endOf(outcome: unknown): unknown {
  const { kind, exit } = (outcome ?? {}) as { kind?: string; exit?: Record<string, unknown> };
  return { kind, exitCode: exit?.['exitCode'], signal: exit?.['signal'] };
}

export function exitedWith(exitCode: number | null, signal: string | null): unknown {
  return { kind: 'exited', exitCode, signal };
}
