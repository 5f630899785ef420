/**
 * Measures runs for whoever asks, all runs of a host in one go. Every caller has a rhythm of his own; those that fall
 * together share a sample. Nothing is measured, and no timer runs, while nobody asks.
 */
import type { RunUse } from '../../os/usage.ts';

/** One moment of many runs. */
export interface Sample {
  readonly atMs: number;
  /** On the machine's monotonic clock. */
  readonly monotonicMs: number;
  readonly uses: ReadonlyMap<string, RunUse>;
}

export interface SamplerDoors {
  /** Of those keys that live. */
  readonly read: (keys: ReadonlySet<string>, withProcesses: boolean) => ReadonlyMap<string, RunUse>;
  readonly now: () => number;
  /** The machine's monotonic clock, milliseconds. */
  readonly monotonic: () => number;
  /** Calls back once after so many milliseconds; returns the way to stop that. */
  readonly after: (delayMs: number, wake: () => void) => () => void;
}

export interface Caller {
  readonly intervalMs: number;
  readonly keys: readonly string[];
  readonly withProcesses: boolean;
  readonly hear: (sample: Sample) => void;
}

interface Rhythm extends Caller {
  dueMs: number;
}

export class Sampler {
  readonly #doors: SamplerDoors;
  readonly #rhythms = new Set<Rhythm>();
  #cancel: (() => void) | undefined;

  constructor(doors: SamplerDoors) {
    this.#doors = doors;
  }

  /** The first sample comes at once, before this returns. Returns the way to leave. */
  add(caller: Caller): () => void {
    const rhythm = { ...caller, dueMs: this.#doors.monotonic() };
    this.#rhythms.add(rhythm);
    this.#tick();
    return () => {
      this.#rhythms.delete(rhythm);
      this.#wind();
    };
  }

  #tick(): void {
    const { monotonic, now, read } = this.#doors;
    const monotonicMs = monotonic();
    const due = [...this.#rhythms].filter(({ dueMs }) => dueMs <= monotonicMs);
    if (due.length > 0) {
      const keys = new Set(due.flatMap((one) => one.keys));
      const uses = read(
        keys,
        due.some((one) => one.withProcesses),
      );
      const sample = { atMs: now(), monotonicMs, uses };
      for (const rhythm of due) {
        rhythm.dueMs = nextDue(monotonicMs, rhythm.intervalMs);
        rhythm.hear(sample);
      }
    }
    this.#wind();
  }

  #wind(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const next = Math.min(...[...this.#rhythms].map(({ dueMs }) => dueMs));
    if (next === Infinity) return;
    const delayMs = Math.max(1, next - this.#doors.monotonic());
    this.#cancel = this.#doors.after(delayMs, () => this.#tick());
  }
}

/**
 * The next whole multiple of the interval that is at least half of it away: callers of one interval share their samples
 * whenever they came, and a sample soon after the first one would be measured over too short a time.
 */
function nextDue(nowMs: number, intervalMs: number): number {
  return Math.ceil((nowMs + intervalMs / 2) / intervalMs) * intervalMs;
}
