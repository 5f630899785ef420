import { constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { setImmediate, setTimeout as delay } from 'node:timers/promises';

import { errnoOf } from '../../errors.ts';
import {
  packedPath,
  SEGMENT_MODE,
  segmentPath,
  type SegmentSeries,
} from '../../output/segments.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

const PORTION_BYTES = 65_536;

export interface PackJob {
  readonly series: SegmentSeries;
  readonly number: number;
  /** False once the segment was purged: then nothing of it may come back. */
  readonly isWanted: () => boolean;
  /** It has taken the place of the segment, or was found there. */
  readonly packed: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Compresses full segments, one at a time, on the threads of the pool. A kill at any moment leaves the segment, or it
 * and a whole `.gz` of it.
 */
export class Packer {
  #jobs: PackJob[] = [];
  #running: Promise<void> | undefined;
  #isStopped = false;

  add(job: PackJob): void {
    this.#jobs.push(job);
    this.#running ??= this.#run();
  }

  /**
   * Resolves when everything is compressed; what is not in `patienceMs` is given up, and whoever collects next begins
   * with it.
   */
  async finish(patienceMs: number): Promise<void> {
    const patience = new AbortController();
    const late = delay(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([this.#running, late]);
    patience.abort();
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    await setImmediate();
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
      const { isWanted, packed, failed } = job;
      const isStillWanted = (): boolean => !this.#isStopped && isWanted();
      if (!isStillWanted()) continue;
      try {
        if (await pack({ ...job, isWanted: isStillWanted })) packed();
      } catch (error) {
        if (isStillWanted()) failed(error);
      }
    }
    this.#running = undefined;
  }
}

/** False when there is no segment any more: it was purged, or packed before. */
async function pack({ series, number, isWanted }: PackJob): Promise<boolean> {
  const plain = segmentPath(series, number);
  const packed = packedPath(series, number);
  const part = `${packed}.part`;
  await removed(part);
  try {
    if (!(await write(plain, part, isWanted))) return false;
    // crash point: logmon.pack.written
    if (!isWanted()) return false;
    await rename(part, packed);
  } finally {
    await removed(part);
  }
  await syncNames(series.dir);
  // crash point: logmon.pack.renamed
  if (await removed(plain)) return true;
  // Purged in between, by whoever it was: nothing of it may come back.
  await removed(packed);
  return false;
}

async function write(plain: string, part: string, isWanted: () => boolean): Promise<boolean> {
  const from = await open(plain, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(unlessMissing);
  if (from === undefined) return false;
  try {
    if (!(await from.stat()).isFile()) throw new Error(`${plain} is not a file`);
    const to = await open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, SEGMENT_MODE);
    try {
      await to.chmod(SEGMENT_MODE);
      // Part of Node itself, and loaded by those who compress only: it takes memory.
      const { createGzip } = await import('node:zlib');
      await pipeline(bytesOf(from, isWanted), createGzip(), async (packed) => {
        for await (const bytes of packed) await to.writeFile(bytes as Buffer);
      });
      await to.datasync();
      return true;
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

/** All of a file. Throws when it is for nothing. */
async function* bytesOf(from: FileHandle, isWanted: () => boolean): AsyncGenerator<Buffer> {
  for (;;) {
    if (!isWanted()) throw new Error('the segment was purged');
    const buffer = Buffer.allocUnsafe(PORTION_BYTES);
    const { bytesRead } = await from.read(buffer, 0, PORTION_BYTES);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** So that a power cut cannot keep the removal of the one and lose the name of the other. */
async function syncNames(dir: string): Promise<void> {
  const names = await open(dir, O_RDONLY);
  try {
    await names.sync();
  } finally {
    await names.close();
  }
}

/** Was it there? */
async function removed(path: string): Promise<boolean> {
  return (await unlink(path).then(() => true, unlessMissing)) ?? false;
}

function unlessMissing(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}
