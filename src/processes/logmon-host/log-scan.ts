import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { SeriesSize } from '../../output/budget.ts';
import type { SegmentSeries } from '../../output/segments.ts';

/** What others keep: hosts beside this one, and tasks that are over. */
export interface Found extends SeriesSize {
  readonly series: SegmentSeries;
}

interface Sighting {
  readonly series: SegmentSeries;
  readonly bytes: Map<number, number>;
  otherBytes: number;
  newestMs: number;
}

const SEGMENT = /^(.+)\.(stdout|stderr)(?:\.(0|[1-9]\d{0,14})(?:\.gz|\.marks)?)?$/;
const OTHER = /^(.+)\.(stdout|stderr)\.(?:gaps|.*\.part)$/;

/** A stream that was not written to for so long may be one that nobody writes any more. */
const QUIET_MS = 60_000;

/** Looks at all output below `root` but that of `isOwn`, one file after the other: there is no hurry. */
export async function scanLogs(
  root: string,
  isOwn: (series: SegmentSeries) => boolean,
): Promise<Found[]> {
  const found: Found[] = [];
  const now = Date.now();
  for (const name of await namesIn(root)) {
    const dir = join(root, name);
    // What is behind a link is not ours to remove.
    if ((await lstat(dir).catch(() => undefined))?.isDirectory() !== true) continue;
    const sightings = new Map<string, Sighting>();
    for (const file of await namesIn(dir)) await look(dir, file, sightings, isOwn);
    for (const sighting of sightings.values()) found.push(sizeOf(sighting, now));
  }
  return found;
}

async function look(
  dir: string,
  file: string,
  sightings: Map<string, Sighting>,
  isOwn: (series: SegmentSeries) => boolean,
): Promise<void> {
  const match = SEGMENT.exec(file) ?? OTHER.exec(file);
  const [, stem, stream, digits] = match ?? [];
  if (stem === undefined || (stream !== 'stdout' && stream !== 'stderr')) return;
  const series = { dir, stem, stream } as const;
  if (isOwn(series)) return;
  const stats = await lstat(join(dir, file)).catch(() => undefined);
  if (stats?.isFile() !== true) return;
  const key = `${stem}.${stream}`;
  const sighting = sightings.get(key) ?? { series, bytes: new Map(), otherBytes: 0, newestMs: 0 };
  sightings.set(key, sighting);
  sighting.newestMs = Math.max(sighting.newestMs, stats.mtimeMs);
  if (digits === undefined) sighting.otherBytes += stats.size;
  else {
    const number = Number(digits);
    sighting.bytes.set(number, (sighting.bytes.get(number) ?? 0) + stats.size);
  }
}

function sizeOf({ series, bytes, otherBytes, newestMs }: Sighting, now: number): Found {
  const segments = [...bytes].map(([number, size]) => ({ number, bytes: size }));
  const rotated = segments.toSorted((a, b) => a.number - b.number);
  const newest = rotated.pop();
  if (newest === undefined) return { series, rotated, keptBytes: otherBytes };
  if (now - newestMs > QUIET_MS) return { series, rotated, keptBytes: otherBytes, last: newest };
  return { series, rotated, keptBytes: otherBytes + newest.bytes };
}

async function namesIn(dir: string): Promise<readonly string[]> {
  return readdir(dir).catch(() => []);
}
