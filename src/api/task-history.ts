/** What can be said about the past of allocs and tasks. Plain JSON-safe values; times are ISO 8601. */

/** One event with what it made of its alloc or task. */
export interface HistoryEntry {
  readonly position: number;
  readonly time: string;
  readonly type: string;
  /** Null: of the alloc itself. */
  readonly task: string | null;
  readonly run: number;
  /** State before and behind it; the same when it changed none, null when the state cannot be told. */
  readonly from: string | null;
  readonly to: string | null;
  /** What happened and why, for an operator. */
  readonly text: string;
}

/** One link of a chain of causes. */
export interface Cause {
  readonly position: number;
  readonly time: string;
  /** Null: of the alloc, or of the machine when `alloc` is null, too. */
  readonly alloc: string | null;
  readonly task: string | null;
  readonly run: number;
  readonly type: string;
  readonly text: string;
}

/** Why an alloc or a task is as it is: from the newest fact back to what set it off. */
export interface WhyChain {
  readonly alloc: string;
  readonly allocId: string;
  /** Null: of the alloc itself. */
  readonly task: string | null;
  readonly causes: readonly Cause[];
}

/** An event of a task in Nomad's words. */
export interface NomadTaskEvent {
  /** Such as `Started`, `Terminated`, `Not Restarting`. */
  readonly type: string;
  readonly time: string;
  readonly displayMessage: string;
  /** By Nomad's keys, such as `exit_code`. */
  readonly details: Readonly<Record<string, string>>;
  /** Of the event of ours that it is told from. */
  readonly position: number;
  readonly run: number;
}
