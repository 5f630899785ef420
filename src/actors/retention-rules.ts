/** Which of the allocs that have ended are due to go, and by what rule: nothing here looks at a clock or a disk. */
import type { RemovalRule } from '../machines/alloc-messages.ts';

export interface RetentionLimits {
  /** Ended allocs that are kept. */
  readonly keepFinishedAllocs: number;
  /** Longer than this ago, and an alloc that has ended goes. Left out: however long. */
  readonly keepFinishedForMs?: number;
  /** Of the file system, in percent: above it the oldest go. 100: never. Nomad's thresholds by default. */
  readonly maxDiskPercent: number;
  readonly maxInodePercent: number;
}

export const RETENTION_LIMITS: RetentionLimits = {
  keepFinishedAllocs: 10_000,
  maxDiskPercent: 80,
  maxInodePercent: 70,
};

/** Once too full, it is emptied to so many points below: else every end of an alloc would take the next one. */
export const RELIEF_POINTS = 5;

/** A full disk leaves what has ended so recently: whoever waited for the end wants to read what was written. */
export const READING_TIME_MS = 10 * 60_000;
/** The same when so little is free that nothing is started. */
export const SHORT_READING_TIME_MS = 60_000;

/** An alloc that has ended; the oldest end comes first. */
export interface Ended {
  readonly allocId: string;
  /** By whichever of the wall clock and the steady clock says less: a clock that was set wrong takes nothing away. */
  readonly ageMs: number;
}

export interface Due {
  readonly allocId: string;
  readonly rule: RemovalRule;
}

/** In percent of what there is; 0 for what a file system does not count. */
export interface DiskUsage {
  readonly diskPercent: number;
  readonly inodePercent: number;
}

export type DiskRule = Extract<RemovalRule, 'disk' | 'inodes'>;

export function dueByAge(ended: readonly Ended[], limits: RetentionLimits): readonly Due[] {
  const { keepFinishedForMs = Number.POSITIVE_INFINITY } = limits;
  return named(
    ended.filter(({ ageMs }) => ageMs > keepFinishedForMs),
    'age',
  );
}

export function dueByCount(ended: readonly Ended[], limits: RetentionLimits): readonly Due[] {
  return named(ended.slice(0, Math.max(0, ended.length - limits.keepFinishedAllocs)), 'count');
}

/** Of those that a disk that is too full may take, as many as are needed, from the first one on. */
export function dueByDisk(
  ended: readonly Ended[],
  rule: DiskRule,
  { isPressing }: { readonly isPressing: boolean },
): readonly Due[] {
  const leastAgeMs = isPressing ? SHORT_READING_TIME_MS : READING_TIME_MS;
  return named(
    ended.filter(({ ageMs }) => ageMs >= leastAgeMs),
    rule,
  );
}

/** By the first rule that takes it. */
export function eachOnce(due: readonly Due[]): readonly Due[] {
  const known = new Set<string>();
  return due.filter(({ allocId }) => !known.has(allocId) && known.add(allocId));
}

function named(ended: readonly Ended[], rule: RemovalRule): readonly Due[] {
  return ended.map(({ allocId }) => ({ allocId, rule }));
}

/** Whether the disk is too full: from a limit on, until it is well below it. */
export class Fullness {
  readonly #limits: Readonly<Record<DiskRule, number>>;
  readonly #over = new Set<DiskRule>();

  constructor({ maxDiskPercent, maxInodePercent }: RetentionLimits) {
    this.#limits = { disk: maxDiskPercent, inodes: maxInodePercent };
  }

  /** The rule that is to take something now, if any. */
  ruleFor({ diskPercent, inodePercent }: DiskUsage): DiskRule | undefined {
    this.#note('disk', diskPercent);
    this.#note('inodes', inodePercent);
    return (['disk', 'inodes'] as const).find((rule) => this.#over.has(rule));
  }

  #note(rule: DiskRule, percent: number): void {
    const limit = this.#limits[rule];
    if (percent > limit) this.#over.add(rule);
    else if (percent <= limit - RELIEF_POINTS) this.#over.delete(rule);
  }
}
