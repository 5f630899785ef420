import type { FollowResponse } from '../../rpc/gen/holdfast/executor/v1/executor.ts';
import type { Run } from './run.ts';

interface Follower {
  readonly queue: FollowResponse[];
  wake: () => void;
}

/** Tells every follower of the ends of runs: those known already, then new ones. */
export class Reports {
  readonly #followers = new Set<Follower>();

  tell(run: Run): void {
    const report = reportOf(run);
    if (report === undefined) return;
    for (const follower of this.#followers) {
      follower.queue.push(report);
      follower.wake();
    }
  }

  /**
   * A stream for one follower until `signal` aborts. It misses nothing from this call on, whenever it is first read: a
   * run that is adopted by the next call of the same agent may have ended already.
   */
  follow(runs: readonly Run[], signal: AbortSignal): AsyncGenerator<FollowResponse> {
    const living = [...runs].filter((run) => run.end === undefined).map((run) => run.key);
    const follower = { queue: [ready(living)], wake: (): void => undefined };
    for (const run of runs) {
      const report = reportOf(run);
      if (report !== undefined) follower.queue.push(report);
    }
    this.#followers.add(follower);
    return this.#stream(follower, signal);
  }

  async *#stream(follower: Follower, signal: AbortSignal): AsyncGenerator<FollowResponse> {
    const wake = (): void => follower.wake();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        const next = follower.queue.shift();
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => (follower.wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.#followers.delete(follower);
    }
  }
}

function ready(launchKeys: string[]): FollowResponse {
  return { launchKey: '', report: { $case: 'ready', value: { launchKeys } } };
}

/** Undefined for a run that goes on, and for one whose Launch or Stop says that it never began, or that it did. */
function reportOf(run: Run): FollowResponse | undefined {
  if (run.end?.is === 'never' && !run.isLaunchedHere) {
    // Adopted while it could not be told yet: nobody's Launch says it.
    const lost = { reason: run.end.reason, maybeRan: false };
    return { launchKey: run.key, report: { $case: 'lost', value: lost } };
  }
  if (run.end?.is === 'lost') {
    const { reason, maybeRan } = run.end;
    return { launchKey: run.key, report: { $case: 'lost', value: { reason, maybeRan } } };
  }
  if (run.end?.is !== 'exited') return undefined;
  const { exitCode, signal, execFailed, exitedAtMs } = run.end.record;
  const exit = {
    exitCode: exitCode ?? 0,
    signal: signal ?? '',
    oomKilled: run.wasOutOfMemory,
    exitedAtMs: Math.round(exitedAtMs),
    execFailed,
  };
  return { launchKey: run.key, report: { $case: 'exit', value: exit } };
}
