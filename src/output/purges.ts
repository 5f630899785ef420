/**
 * What was removed because output took up more than it may: hosts add lines to one file, the agent makes events of it.
 * A segment is named once for ever, so that a line that is there twice is recognised.
 */
import { join } from 'node:path';

import type { OutputStream } from './segments.ts';

export interface Purge {
  readonly allocId: string;
  readonly task: string;
  readonly stream: OutputStream;
  /** Numbers, ascending. */
  readonly segments: readonly number[];
  /** Of output, which is more than it took up when it was compressed. */
  readonly bytes: number;
}

export function purgesPath(stateDir: string): string {
  return join(stateDir, 'purged.jsonl');
}

export function formatPurge(purge: Purge): string {
  return `${JSON.stringify(purge)}\n`;
}

/** Lines that make no sense are left out. */
export function parsePurges(text: string): Purge[] {
  return text.split('\n').flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return isPurge(value) ? [value] : [];
    } catch {
      return [];
    }
  });
}

/** One for each stream, without what is there twice and without what `isKnown`. */
export function mergePurges(purges: readonly Purge[], isKnown: (name: string) => boolean): Purge[] {
  const merged = new Map<string, Purge>();
  const seen = new Set<string>();
  for (const purge of purges) {
    const names = segmentNames(purge);
    if (names.every((name) => seen.has(name) || isKnown(name))) continue;
    for (const name of names) seen.add(name);
    const { allocId, task, stream } = purge;
    const key = `${allocId}/${task}.${stream}`;
    const before = merged.get(key);
    const segments = [...new Set([...(before?.segments ?? []), ...purge.segments])];
    const bytes = (before?.bytes ?? 0) + purge.bytes;
    merged.set(key, { allocId, task, stream, segments: segments.toSorted((a, b) => a - b), bytes });
  }
  return [...merged.values()];
}

/** Names of the segments that no others ever have. */
export function segmentNames({ allocId, task, stream, segments }: Purge): string[] {
  return segments.map((number) => `${allocId}/${task}.${stream}.${number}`);
}

function isPurge(value: unknown): value is Purge {
  if (typeof value !== 'object' || value === null) return false;
  const { allocId, task, stream, segments, bytes } = value as Record<keyof Purge, unknown>;
  const isNumber = (number: unknown): boolean =>
    Number.isSafeInteger(number) && Number(number) >= 0;
  return (
    typeof allocId === 'string' &&
    typeof task === 'string' &&
    (stream === 'stdout' || stream === 'stderr') &&
    Array.isArray(segments) &&
    segments.every(isNumber) &&
    isNumber(bytes)
  );
}
