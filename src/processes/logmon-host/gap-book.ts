import { closeSync, constants, fstatSync, readSync, renameSync, writeSync } from 'node:fs';

import { removeFileIfPossible } from '../../os/atomic-file.ts';
import { formatGap, type GapRecord, mergeGaps, parseGaps } from '../../output/gaps.ts';
import { gapsPath, SEGMENT_MODE, type SegmentSeries } from '../../output/segments.ts';
import { openOwn } from './own-file.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_RDWR, O_RDONLY, O_WRONLY } = constants;

/** One record: what is longer is not written, and none is. */
const SLOT_BYTES = 256;
const BLANK = `${' '.repeat(SLOT_BYTES - 1)}\n`;
/** A page: a file system that has room for some of it has room for all of it. */
const RESERVED = BLANK.repeat(16);

/** A file of gaps that grew beyond this is written anew with fewer records. */
const LARGE_BYTES = 65_536;
const MOST_READ_BYTES = 4_194_304;

/** Adds a record behind the others. Throws what the file system throws, and when something else has the name. */
export function appendGap(series: SegmentSeries, gap: GapRecord): void {
  if (!append(series, formatGap(gap))) throw new Error('something else has its name');
}

/** All that is recorded of a stream. */
export function recordedGaps(series: SegmentSeries): GapRecord[] {
  return parseGaps(read(series));
}

/** Room for one record that can be written when nothing else can, in bytes from the beginning of the file. */
export interface Slot {
  readonly at: number;
}

/** Finds room that is reserved, or reserves some. Undefined when there is none to be had. */
export function reserveSlot(series: SegmentSeries): Slot | undefined {
  let text = read(series);
  if (text.length > LARGE_BYTES) {
    rewrite(series, parseGaps(text));
    text = read(series);
  }
  if (!text.includes(BLANK)) {
    if (!append(series, RESERVED)) return undefined;
    text = read(series);
  }
  const at = Buffer.from(text, 'latin1').indexOf(BLANK);
  return at < 0 ? undefined : { at };
}

/** For a stream that is over: a file that holds nothing but room is of no use to anybody. */
export function giveBackRoom(series: SegmentSeries): void {
  if (read(series).trim() === '') removeFileIfPossible(gapsPath(series));
}

/** Writes a record into its room, also over what it was before. Throws what the file system throws. */
export function writeSlot(series: SegmentSeries, { at }: Slot, gap: GapRecord): void {
  const fd = openOwn(gapsPath(series), O_WRONLY);
  if (fd === undefined) throw new Error(`${gapsPath(series)} is gone`);
  try {
    writeSync(
      fd,
      `${formatGap(gap)
        .trimEnd()
        .padEnd(SLOT_BYTES - 1)}\n`,
      at,
    );
  } finally {
    closeSync(fd);
  }
}

function read(series: SegmentSeries): string {
  const fd = openOwn(gapsPath(series), O_RDONLY);
  if (fd === undefined) return '';
  try {
    const bytes = Buffer.alloc(Math.min(fstatSync(fd).size, MOST_READ_BYTES));
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(fd);
  }
}

/** False when something else has the name. Throws when it is not there as a whole. */
function append(series: SegmentSeries, text: string): boolean {
  const fd = openOwn(gapsPath(series), O_RDWR | O_APPEND | O_CREAT, SEGMENT_MODE);
  if (fd === undefined) return false;
  try {
    // A line that was cut off by a full disk ends here.
    const { size } = fstatSync(fd);
    const last = Buffer.alloc(1);
    const isTorn = size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 10;
    const bytes = Buffer.from(isTorn ? `\n${text}` : text);
    if (writeSync(fd, bytes) !== bytes.length) throw new Error('there is no room for a gap record');
    return true;
  } finally {
    closeSync(fd);
  }
}

function rewrite(series: SegmentSeries, gaps: readonly GapRecord[]): void {
  const temporary = `${gapsPath(series)}.part`;
  // Left behind by one that was killed.
  removeFileIfPossible(temporary);
  const fd = openOwn(temporary, O_WRONLY | O_CREAT | O_EXCL, SEGMENT_MODE);
  if (fd === undefined) return;
  try {
    const bytes = Buffer.from(mergeGaps(gaps).map(formatGap).join(''));
    if (writeSync(fd, bytes) !== bytes.length) throw new Error('there is no room for gap records');
    renameSync(temporary, gapsPath(series));
  } finally {
    closeSync(fd);
  }
}
