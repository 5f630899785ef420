/**
 * Knows what an engine says twice. Docker's follower reads on into the file that takes the place of a full one, and
 * begins it anew when it hears of the change: what it had read of it comes again, a message or many. They bear the time
 * of their first coming, to the nanosecond, which a clock that was set back does not give again.
 */
import type { LogMessage } from './log-messages.ts';

/** More than what is written between a change of files and the word of it. */
const MOST_KEPT = 8_192;
const NEWLINE = 10;

type Trace = Pick<LogMessage, 'time'> & { readonly bytes: number; readonly hash: number };

export class Repeats {
  #kept: Trace[] = [];
  /** Where in these the next one is looked for, while it goes on saying what it said. */
  #next: number | undefined;

  /** Of every message of one answer, in its order. */
  has(message: LogMessage): boolean {
    const trace = traceOf(message);
    this.#next ??= this.#beginOf(message, trace);
    if (this.#next !== undefined && isSame(this.#kept[this.#next], trace)) {
      this.#next += 1;
      if (this.#next === this.#kept.length) this.#next = undefined;
      return true;
    }
    this.#next = undefined;
    this.#kept.push(trace);
    if (this.#kept.length > 2 * MOST_KEPT) this.#kept = this.#kept.slice(-MOST_KEPT);
    return false;
  }

  #beginOf({ time, content }: LogMessage, trace: Trace): number | undefined {
    const last = this.#kept.at(-1);
    if (last === undefined || time > last.time) return undefined;
    // The parts of a long line share a time, and may be alike: only a whole line is the last one once more.
    if (time === last.time && content.at(-1) !== NEWLINE) return undefined;
    const found = this.#kept.findIndex((one) => isSame(one, trace));
    return found === -1 ? undefined : found;
  }
}

function isSame(kept: Trace | undefined, { time, bytes, hash }: Trace): boolean {
  return kept?.time === time && kept.bytes === bytes && kept.hash === hash;
}

/** FNV-1a over the first bytes: times tell most of them apart. */
function traceOf({ time, content }: LogMessage): Trace {
  let hash = 0x811c9dc5;
  for (const byte of content.subarray(0, 64)) hash = Math.imul(hash ^ byte, 0x01000193);
  return { time, bytes: content.length, hash };
}
