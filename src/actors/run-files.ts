/** The directories of runs, seen from the agent: found again after a lost store, and removed when nobody needs them. */
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { taskStream } from '../events/envelope.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import { gatherEvidence } from '../os/evidence.ts';
import { isLaunchKey } from '../os/launch-key.ts';
import { readIntent } from '../os/run-directory.ts';

/** The newest run of each task whose files name this instance, by stream: what a lost log can be told again. */
export function findRuns(runDir: string, instanceId: string): ReadonlyMap<string, TaskMessage> {
  const newest = new Map<string, Extract<TaskMessage, { type: 'RunFound' }>>();
  for (const launchKey of launchKeys(runDir)) {
    const intent = readIntent(join(runDir, launchKey));
    if (intent.is !== 'whole' || intent.value.instanceId !== instanceId) continue;
    const { allocId, task, run, token, mark } = intent.value;
    const stream = taskStream(allocId, task);
    if ((newest.get(stream)?.run ?? 0) >= run) continue;
    newest.set(stream, { type: 'RunFound', run, launchKey, token, mark });
  }
  return newest;
}

/** The launch keys of all runs that have files. */
export function launchKeys(runDir: string): readonly string[] {
  try {
    return readdirSync(runDir).filter((name) => isLaunchKey(name));
  } catch {
    return [];
  }
}

/**
 * Those of the listed runs of which nothing lives, one after the other, with a pause for everybody else in between: a
 * look takes milliseconds. The others are left alone: nobody knows what they are.
 */
export async function* idleAmong(
  listed: readonly string[],
  runDir: string,
  epoch: string,
): AsyncGenerator<string, void> {
  for (const launchKey of listed) {
    await nextTurn();
    const seen = gatherEvidence({ runDir: join(runDir, launchKey), machineEpoch: epoch });
    if (seen.claim === 'alive' || seen.claim === 'unknown' || seen.tree !== 'dead') continue;
    yield launchKey;
  }
}

/** How long finished run directories lie, in milliseconds: removing many files at once makes starts slow. */
const SWEEP_AFTER_MS = 30_000;

/** Removes finished run directories later, in batches, never in the way of a start. */
export class RunSweeper {
  readonly #runDir: string;
  readonly #waiting = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(runDir: string) {
    this.#runDir = runDir;
  }

  add(launchKey: string): void {
    this.#waiting.add(launchKey);
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.sweep(), SWEEP_AFTER_MS);
    this.#timer.unref();
  }

  async sweep(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = [...this.#waiting];
    this.#waiting.clear();
    for (const launchKey of batch) {
      await rm(join(this.#runDir, launchKey), { recursive: true, force: true });
    }
  }
}
