/** Makes the next file of a stream, and the directory that it lies in when somebody has removed that. */
import {
  chmodSync,
  chownSync,
  constants,
  existsSync,
  fchmodSync,
  mkdirSync,
  openSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';

import { errnoOf } from '../../errors.ts';
import { SEGMENT_MODE, segmentPath, type SegmentSeries } from '../../output/segments.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;

/** The directory of a task's output as it was when its stream was opened. */
export class LogDirectory {
  readonly #path: string;
  readonly #stats: Look;

  /** Throws what looking at it throws. */
  constructor(path: string) {
    this.#path = path;
    this.#stats = statSync(path);
  }

  /** Makes it as it was when it is gone, and that of all output too, but none above them. Throws what mkdir(2) says. */
  ensure(): void {
    makeDirectory(this.#path, this.#stats);
  }
}

interface Look {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Makes a directory of output that is missing, and that of all output: as they are, or as they are made at first. */
export function makeDirectory(path: string, look?: Look): void {
  if (existsSync(path)) return;
  const root = dirname(path);
  if (!existsSync(root)) makeOne(root, look);
  const { uid, gid } = statSync(root);
  makeOne(path, look ?? { uid, gid, mode: 0o750 });
}

function makeOne(path: string, look: Look | undefined): void {
  try {
    mkdirSync(path, { mode: 0o750 });
  } catch (error) {
    // The other stream, or another host, was quicker.
    if (errnoOf(error) === 'EEXIST') return;
    throw error;
  }
  if (look === undefined) return;
  // Whatever the umask; one who is not root has made it as himself.
  chmodSync(path, look.mode & 0o7777);
  if (process.geteuid?.() === 0) chownSync(path, look.uid, look.gid);
}

/** A file of the next free number from `first` on. A name that something else has taken is passed over. */
export function createSegment(
  series: SegmentSeries,
  first: number,
  directory: LogDirectory,
): { readonly fd: number; readonly number: number } {
  for (let [number, isMissing] = [first, false]; ;) {
    try {
      const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
      const fd = openSync(segmentPath(series, number), flags, SEGMENT_MODE);
      // Whatever the umask: whoever comes to the directory may read logs.
      fchmodSync(fd, SEGMENT_MODE);
      return { fd, number };
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') number += 1;
      else if (errnoOf(error) !== 'ENOENT' || isMissing) throw error;
      else {
        directory.ensure();
        isMissing = true;
      }
    }
  }
}
