/**
 * The files that hold a task's output: segments `<stem>.stdout.N` and `<stem>.stderr.N`, mode 0644, N counting up from
 * 0. The newest grows and `<stem>.stdout` is a link to it; when it is full the next number begins and the oldest are
 * removed. Beside a segment: `….N.marks` says when and by which run its bytes were written (`marks.ts`), `….N.gz` takes
 * its place when it was compressed. `<stem>.stdout.gaps` tells what was lost (`gaps.ts`). Whatever else lies in the
 * directory is not ours and is neither read nor touched.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { errnoOf } from '../errors.ts';

export type OutputStream = 'stdout' | 'stderr';

/** Which files: those of one stream of one task. */
export interface SegmentSeries {
  readonly dir: string;
  /** The task's name. It may contain dots, so numbers are read from the end of a name only. */
  readonly stem: string;
  readonly stream: OutputStream;
}

export interface Segment {
  readonly number: number;
  /** The true size when it was looked at. */
  readonly sizeBytes: number;
}

/** Whether anybody but the agent comes to them is decided by the directory that they are in. */
export const SEGMENT_MODE = 0o644;

export function segmentPath(series: SegmentSeries, number: number): string {
  return join(series.dir, `${series.stem}.${series.stream}.${number}`);
}

/** What takes the place of a segment when it was compressed: the same bytes, as gzip. */
export function packedPath(series: SegmentSeries, number: number): string {
  return `${segmentPath(series, number)}.gz`;
}

/** The marks of a segment, which live and die with it. */
export function marksPath(series: SegmentSeries, number: number): string {
  return `${segmentPath(series, number)}.marks`;
}

/** A link to the segment that grows, under a name that stays: for `tail -F` and collectors of others. */
export function currentPath({ dir, stem, stream }: SegmentSeries): string {
  return join(dir, `${stem}.${stream}`);
}

export function gapsPath({ dir, stem, stream }: SegmentSeries): string {
  return join(dir, `${stem}.${stream}.gaps`);
}

/** The numbers of this series among file names, ascending. A name that we would not have given is ignored. */
export function segmentNumbers(names: readonly string[], series: SegmentSeries): number[] {
  const prefix = `${series.stem}.${series.stream}.`;
  const numbers = names
    .filter((name) => name.startsWith(prefix))
    .map((name) => /^(0|[1-9]\d{0,14})(?:\.gz)?$/.exec(name.slice(prefix.length))?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number);
  // One that is just being compressed is there twice.
  return [...new Set(numbers)].toSorted((a, b) => a - b);
}

/**
 * The segments on disk, oldest first; none when the directory does not exist (yet). A directory or a link that has the
 * name of a segment is ignored, and so is a file removed meanwhile.
 */
export async function listSegments(series: SegmentSeries): Promise<Segment[]> {
  const numbers = await takenNumbers(series);
  const found = await Promise.all(
    numbers.map(async (number) => {
      const sizeBytes = await sizeOfFile(segmentPath(series, number));
      return sizeBytes === undefined ? [] : [{ number, sizeBytes }];
    }),
  );
  return found.flat();
}

/** The segment that grows, or undefined when there is none. */
export async function newestSegment(series: SegmentSeries): Promise<Segment | undefined> {
  return (await listSegments(series)).at(-1);
}

/** The numbers that are taken now, ascending, cheaply: a name may also belong to something that is no file. */
export async function takenNumbers(series: SegmentSeries): Promise<number[]> {
  return segmentNumbers(await namesIn(series.dir), series);
}

export async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function sizeOfFile(path: string): Promise<number | undefined> {
  try {
    const found = await lstat(path);
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
