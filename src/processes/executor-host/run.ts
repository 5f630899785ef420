import type { ProcessIdentity } from '../../os/process-identity.ts';
import type { RecordedExit } from '../../os/run-directory.ts';
import type { CollectRequest } from '../../rpc/gen/holdfast/logmon/v1/logmon.ts';

/** How a run ended, as far as anybody can say. */
export type End =
  | { readonly is: 'exited'; readonly record: RecordedExit }
  | { readonly is: 'lost'; readonly reason: string; readonly maybeRan: boolean }
  /** No program was ever started by the shim that was watched; `hadWinner` when no other shim can start it either. */
  | { readonly is: 'never'; readonly reason: string; readonly hadWinner: boolean }
  | { readonly is: 'aborted' };

/** One run that this host watches. Kept small: there may be hundreds. */
export class Run {
  readonly key: string;
  readonly dir: string;
  mark: string;
  /** Pid of the shim while it is a child of this host. */
  ownShim: number | undefined;
  /** Pid of the shim that this very host started, also after its end. Another host's may have won the fate. */
  startedShim: number | undefined;
  /** A Launch was asked of this host, and its answer says how the start went. */
  isLaunchedHere = false;
  /** Its path below every mount point; empty: it has none. */
  cgroup = '';
  /** How the output of its task is collected; undefined until it was looked up. */
  collect: CollectRequest | 'none' | undefined;
  /** Its child becomes the program by steps of which each may fail: it has started when the last is taken. */
  isConfined = false;
  program: (ProcessIdentity & { readonly startedAtMs: number }) | undefined;
  end: End | undefined;
  /** The kernel ended it for want of memory. Known with the end. */
  wasOutOfMemory = false;
  /** Stops whatever watches the run now. */
  stopWatching: (() => void) | undefined;
  #wakers: (() => void)[] = [];

  constructor(key: string, dir: string, mark: string) {
    this.key = key;
    this.dir = dir;
    this.mark = mark;
  }

  /** Something about the run may have changed: whoever waits looks again. */
  wake(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const waker of wakers) waker();
  }

  /** Resolves at the next `wake`, or after `atMostMs`. */
  changed(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, atMostMs);
      this.#wakers.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
