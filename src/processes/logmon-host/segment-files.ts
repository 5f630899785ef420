/** What lies beside the bytes of a segment, and the ways to be rid of one. Names are those of `segments.ts`. */
import {
  closeSync,
  constants,
  lstatSync,
  readlinkSync,
  readSync,
  renameSync,
  symlinkSync,
  unlink,
  unlinkSync,
} from 'node:fs';
import { basename } from 'node:path';

import { errnoOf, HoldfastError } from '../../errors.ts';
import { decodeMarks, MARK_BYTES } from '../../output/marks.ts';
import {
  currentPath,
  marksPath,
  packedPath,
  segmentPath,
  type SegmentSeries,
} from '../../output/segments.ts';
import { openOwn } from './own-file.ts';

/** Every file of one segment. */
export function filesOf(series: SegmentSeries, number: number): readonly string[] {
  return [segmentPath(series, number), packedPath(series, number), marksPath(series, number)];
}

/** Also of one that is gone already; one that cannot be removed is not worth stopping for. */
export function removeSegment(series: SegmentSeries, number: number): void {
  for (const path of filesOf(series, number)) unlink(path, () => undefined);
}

/** What the files of a segment take up together, links and directories not counted. */
export function bytesOnDisk(series: SegmentSeries, number: number): number {
  return filesOf(series, number).reduce((sum, path) => sum + (sizeOf(path) ?? 0), 0);
}

function sizeOf(path: string): number | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true ? found.size : undefined;
}

/** How many bytes of output a segment holds, and the run of the first; 0 for what cannot be known. */
export function contentOf(series: SegmentSeries, number: number): { bytes: number; run: number } {
  const plain = sizeOf(segmentPath(series, number));
  const [mark] = decodeMarks(bytesAt(marksPath(series, number), 0, MARK_BYTES));
  return { bytes: plain ?? bytesPacked(packedPath(series, number)), run: mark?.run ?? 0 };
}

/** gzip ends with the length of what it holds. */
export function bytesPacked(path: string): number {
  const bytes = bytesAt(path, (sizeOf(path) ?? 0) - 4, 4);
  return bytes.length === 4 ? bytes.readUInt32LE(0) : 0;
}

function bytesAt(path: string, offset: number, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  const fd = offset < 0 ? undefined : openOwn(path, constants.O_RDONLY);
  if (fd === undefined) return bytes.subarray(0, 0);
  try {
    return bytes.subarray(0, readSync(fd, bytes, 0, count, offset));
  } finally {
    closeSync(fd);
  }
}

/**
 * Lets the stable name lead to this segment: readers find the old one or the new one. Throws ALREADY_EXISTS when the
 * name is somebody else's, which is left alone, and what the file system throws.
 */
export function linkCurrent(series: SegmentSeries, number: number): void {
  const path = currentPath(series);
  const target = basename(segmentPath(series, number));
  const there = targetOf(path);
  if (there === target) return;
  const isOurs =
    there === undefined || /^(0|[1-9]\d*)$/.test(there.slice(basename(path).length + 1));
  if (!isOurs || there?.startsWith(`${basename(path)}.`) === false) {
    throw new HoldfastError('ALREADY_EXISTS', `${path} is not a link of ours`);
  }
  // Left behind by one that was killed: a name that nobody else has.
  const temporary = `${path}.link`;
  try {
    symlinkSync(target, temporary);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    unlinkSync(temporary);
    symlinkSync(target, temporary);
  }
  // crash point: logmon.link.made
  renameSync(temporary, path);
}

/** Where a link leads to; undefined when nothing has the name, empty for what is no link. */
export function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (errnoOf(error) === 'EINVAL') return '';
    throw error;
  }
}
