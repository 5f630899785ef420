/** What is let go of allocs that have ended: their files, their output and their events. */

export interface GcOptions {
  /** One alloc that has ended, whatever the rules say. */
  readonly ref?: string;
  /** Every alloc that has ended. */
  readonly all?: boolean;
  /** Nothing is removed: what would be. */
  readonly dryRun?: boolean;
}

/** What takes an alloc: somebody who asked, its age, the number of those that ended, a disk that is too full. */
export type GcRule = 'wish' | 'age' | 'count' | 'disk' | 'inodes';

export interface GcEntry {
  readonly alloc: string;
  readonly allocId: string;
  /** As it ended. */
  readonly state: string;
  /** ISO 8601; null for what an earlier version let end. */
  readonly endedAt: string | null;
  readonly rule: GcRule;
  /**
   * `removed`; `due`: it would be, of those that a full disk takes as far as is needed; `read`: it waits until nobody
   * reads its output; `stuck`: its files cannot be removed, which is tried again.
   */
  readonly outcome: 'removed' | 'due' | 'read' | 'stuck';
  /** Why it is still there. */
  readonly reason: string;
}

export interface GcReport {
  /** The oldest end first. */
  readonly entries: readonly GcEntry[];
  /** Of the file system of the data directory, after it: in percent of its room and of its inodes. */
  readonly diskPercent: number;
  readonly inodePercent: number;
}

export interface GcCalls {
  /**
   * Lets go of what has ended, as far as the agent's rules say so, or what is named. What is live, or held for
   * inspection, is never touched. Errors: NOT_FOUND, AMBIGUOUS; WRONG_STATE for an alloc that is live; USAGE for a
   * task, and for a REF together with `all`.
   */
  gc(options?: GcOptions): Promise<GcReport>;
}
