/** What a task wrote, as it is asked for and given. */
import type { Abortable } from '../ports.ts';

export interface LogQuery extends Abortable {
  /** Default both, as far as known in the order of arrival. */
  readonly stream?: 'stdout' | 'stderr' | 'both';
  /** Goes on until the task is over or the signal aborts. */
  readonly follow?: boolean;
  /**
   * A cursor of an earlier chunk: goes on behind it, or with `tail` at the last lines behind it. It survives rotation,
   * compression and restarts. One of another task, and one at which nothing was ever written: POSITION_AHEAD.
   */
  readonly after?: string;
  /** Begins with the last so many lines of what is asked for, of both streams together. */
  readonly tail?: number;
  /** Begins so many bytes (`offset`) behind the oldest byte of each stream, or in front of its newest one. */
  readonly origin?: 'start' | 'end';
  readonly offset?: number;
  /** Only what was collected from then on, exact to 100 ms as long as the task writes less than ten times a second. */
  readonly since?: Date;
  /** Only what was collected until then. */
  readonly until?: Date;
  /** Only what this run wrote, or the newest one. Default all. */
  readonly run?: number | 'last' | 'all';
}

/** Output that is not there any more. */
export interface LogGap {
  /**
   * Its file was the oldest of too many; all logs were over their budget; the disk was full and the policy is to drop;
   * its file was compressed and cannot be understood any more; somebody else removed, replaced or cut its file.
   */
  readonly reason: 'rotated' | 'budget' | 'disk-full' | 'damaged' | 'removed';
  /** Null when nobody knows. */
  readonly bytes: number | null;
}

export interface LogChunk {
  readonly stream: 'stdout' | 'stderr';
  /** Raw bytes of one run; empty in a chunk that tells of a gap. */
  readonly data: Uint8Array;
  /** The place behind this chunk in every stream that is read. */
  readonly cursor: string;
  /** The run that wrote it; 0 when that is not known. */
  readonly run: number;
  /** When its first byte was collected, ISO 8601 in UTC; null when that is not known. */
  readonly time: string | null;
  /** Output is missing in front of this place. */
  readonly gap?: LogGap;
}

/** Output that cannot be written. */
export interface WaitingLog {
  /** `<alloc id>/<task>`. */
  readonly task: string;
  /** ISO 8601 in UTC. */
  readonly since: string;
  /** The name of an errno, such as `ENOSPC`. */
  readonly reason: string;
}
