/**
 * Snapshots: the folded states of streams, kept so that opening a long log need not fold all of it again. They are a
 * cache and nothing else: any of them may be deleted at any time, and whatever is wrong with them costs one full
 * replay. The log keeps them as text and never looks into one.
 */
import type { StreamName } from '../events/envelope.ts';

/** What one stream had come to. */
export interface StreamSnapshot {
  readonly stream: StreamName;
  readonly version: number;
  /** Of the event of that version. */
  readonly position: number;
  /** JSON. */
  readonly state: string;
}

export interface Snapshots {
  /** Only rows after this position are to be folded, and of those the ones that a state does not know of. */
  readonly through: number;
  /** Throws EVENT_MALFORMED when one of them is not what was saved: then none is to be used. */
  readonly states: Iterable<StreamSnapshot>;
  /**
   * Every stream that has events, in the order in which they began. One without a state must begin after `through`, or
   * the snapshots are not whole.
   */
  readonly streams: Iterable<StreamName>;
}

export interface SnapshotCache {
  /**
   * What was saved under this word, or undefined when that is not enough to open with. `chart` stands for everything
   * that folding depends on, so that states of other code are never taken for states of this one.
   */
  read(chart: string): Snapshots | undefined;
  /** The state of one stream, or undefined when none was saved under this word. Throws as `states` does. */
  find(chart: string, stream: StreamName): StreamSnapshot | undefined;
  /**
   * Saves states, all or none, in the place of older ones of their streams; those of streams that were compacted away
   * are left out. `through` says that with these, and what was saved before, every stream is covered up to there.
   * Fails and fail-stops as an append does.
   */
  save(chart: string, states: readonly StreamSnapshot[], through?: number): void;
  /** Deletes all of them, and says why in the agent's log: the next opening folds everything. Fails as `save` does. */
  drop(reason: string): void;
}

/** Of a store that keeps none. */
export const NO_SNAPSHOTS: SnapshotCache = {
  read: () => undefined,
  find: () => undefined,
  save() {},
  drop() {},
};
