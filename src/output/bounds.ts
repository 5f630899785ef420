/** Which part of a stream is asked for: decisions over marks, without files. */
import type { Position } from './cursor.ts';

/** Absent is unbounded. */
export interface Bounds {
  /** Milliseconds since 1970, both inclusive. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly run?: number;
}

/** Bytes of which the same is known, up to the next stretch. */
export interface Stretch {
  readonly at: Position;
  /** 0 when it is not known. */
  readonly run: number;
  /** Between these its bytes were collected; infinite when that is not known. */
  readonly earliestMs: number;
  readonly latestMs: number;
}

export interface Range {
  /** Undefined: there is nothing of it (yet). */
  readonly begin?: Position;
  /** Undefined: what comes may belong to it too. */
  readonly end?: Position;
  /** Output that belongs to it may have stood in front of the oldest byte that is kept. */
  readonly isCut: boolean;
  /** Nothing is left of the stream, and that is recorded. */
  readonly isAllGone?: boolean;
}

export function isBounded({ sinceMs, untilMs, run }: Bounds): boolean {
  return sinceMs !== undefined || untilMs !== undefined || run !== undefined;
}

/** What a mark cannot tell is wanted: nothing that belongs to the answer is left out. */
export function isWanted(stretch: Omit<Stretch, 'at'>, bounds: Bounds): boolean {
  const { run = stretch.run } = bounds;
  return isInTime(stretch, bounds) && (stretch.run === 0 || stretch.run === run);
}

function isInTime(
  { earliestMs, latestMs }: Omit<Stretch, 'at'>,
  { sinceMs = -Infinity, untilMs = Infinity }: Bounds,
): boolean {
  return latestMs >= sinceMs && earliestMs <= untilMs;
}

/**
 * From the first wanted stretch to behind the last one. Of runs it is known that they ascend, so a stretch of which no
 * run is known can only belong to one between those around it. Fed with all stretches of a stream, oldest first.
 */
export class RangeFinder {
  readonly #bounds: Bounds;
  #first: Stretch | undefined;
  #begin: Position | undefined;
  #end: Position | undefined;
  /** The newest known run. */
  #run = 0;
  /** Where a stretch without a run begins, until the next known run tells whether it may be wanted. */
  #doubt: Position | undefined;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  add(stretch: Stretch): void {
    this.#first ??= stretch;
    const { run } = this.#bounds;
    if (run !== undefined && stretch.run === 0) {
      if (this.#run > run || !isInTime(stretch, this.#bounds)) this.#close(stretch.at);
      else this.#doubt ??= stretch.at;
      return;
    }
    if (run !== undefined) {
      if (stretch.run >= run) this.#settle();
      this.#doubt = undefined;
      this.#run = stretch.run;
    }
    if (isWanted(stretch, this.#bounds)) this.#open(stretch.at);
    else this.#close(stretch.at);
  }

  /** `tip` is where the stream ends now. */
  range(tip: Position): Range {
    this.#settle();
    const { run } = this.#bounds;
    const isOver = run !== undefined && this.#run > run;
    const begin = this.#begin === undefined ? {} : { begin: this.#begin };
    const end = this.#begin === undefined && isOver ? tip : this.#end;
    return { ...begin, ...(end === undefined ? {} : { end }), isCut: this.#isCut() };
  }

  #settle(): void {
    if (this.#doubt !== undefined) this.#open(this.#doubt);
    this.#doubt = undefined;
  }
  #open(at: Position): void {
    this.#begin ??= at;
    this.#end = undefined;
  }
  #close(at: Position): void {
    if (this.#begin !== undefined) this.#end ??= at;
  }

  #isCut(): boolean {
    const first = this.#first;
    const { sinceMs, run } = this.#bounds;
    if (first === undefined || first.at.segment === 0) return false;
    if (sinceMs === undefined && run === undefined) return false;
    if (sinceMs !== undefined && first.earliestMs <= sinceMs) return false;
    return run === undefined || first.run === 0 || first.run >= run;
  }
}
