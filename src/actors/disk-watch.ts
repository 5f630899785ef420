/**
 * Looks after the disk that the log is on. Below a floor nothing is started: what would become of it could not be
 * recorded. What runs is not touched, and starts go on by themselves when there is room again.
 */
import { statfs } from 'node:fs/promises';
import { messageOf } from '../errors.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Logger } from '../ports.ts';
import type { RecordNode } from './agent-doors.ts';
import { BALLAST_BYTES, type Ballast } from './ballast.ts';
import { recentNodeEvents } from './node-journal.ts';
import type { PlaceWatch } from './place-watch.ts';
import type { StartGate } from './start-gate.ts';

export interface DiskWatchDoors {
  readonly dir: string;
  /** Free bytes below which nothing is started. */
  readonly floorBytes: number;
  readonly gate: StartGate;
  readonly ballast: Ballast;
  readonly record: RecordNode;
  readonly logger: Logger;
  /** An agent before found the disk low, and none has found room since. */
  readonly wasLow: boolean;
  readonly place: Pick<PlaceWatch, 'look'>;
}

const MIB = 2 ** 20;
const LOOK_EVERY_MS = 2_000;
/** A directory and its files take some inodes; a file system without any is as full as one without blocks. */
const FLOOR_INODES = 256;
/** Starts go on at so much more than the floor: else the first of them would bring it down again. */
const HEALED_SHARE = 1.1;

interface Space {
  readonly freeBytes: number;
  /** Infinite where the file system makes inodes as it needs them. */
  readonly freeInodes: number;
}

export class DiskWatch {
  readonly #doors: DiskWatchDoors;
  #isLow: boolean;
  #floorBytes: number;

  constructor(doors: DiskWatchDoors) {
    this.#doors = doors;
    this.#isLow = doors.wasLow;
    this.#floorBytes = doors.floorBytes;
    if (this.#isLow) doors.gate.hold('disk-low');
  }

  get floorBytes(): number {
    return this.#floorBytes;
  }

  /** From the next look on, which is made at once. */
  adjust(floorBytes: number): void {
    this.#floorBytes = floorBytes;
    void this.look();
  }

  /** Looks now. To be awaited before anything is started. */
  async look(): Promise<void> {
    this.#doors.place.look();
    const space = await spaceOf(this.#doors.dir).catch((error: unknown) => {
      this.#doors.logger.warn({ error: messageOf(error) }, 'the free space cannot be read');
      return undefined;
    });
    if (space === undefined) return;
    const { gate } = this.#doors;
    const floorBytes = this.#floorBytes;
    const share = this.#isLow ? HEALED_SHARE : 1;
    const isLow = space.freeBytes < floorBytes * share || space.freeInodes < FLOOR_INODES * share;
    if (isLow) gate.hold('disk-low', this.#wordsOf(space));
    if (isLow && !this.#isLow) this.#fall(space);
    else if (!isLow && this.#isLow) this.#heal(space);
    // What it takes must not bring the disk back to where it was given up.
    else if (!isLow && space.freeBytes > floorBytes + BALLAST_BYTES) {
      await this.#doors.ballast.take();
    }
  }

  /** Looks again and again until `signal` aborts. */
  watch(signal: AbortSignal): void {
    const timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    timer.unref();
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  #wordsOf({ freeBytes, freeInodes }: Space): string {
    const { dir } = this.#doors;
    const floorBytes = this.#floorBytes;
    const inodes = freeInodes < FLOOR_INODES * HEALED_SHARE ? ` and ${freeInodes} inodes` : '';
    const wanted = Math.ceil((floorBytes * HEALED_SHARE) / MIB);
    return `${Math.floor(freeBytes / MIB)} MiB${inodes} are free at ${dir}, and starts go on from ${wanted} MiB on (--disk-floor ${Math.round(floorBytes / MIB)})`;
  }

  #fall({ freeBytes }: Space): void {
    const { dir, record, logger } = this.#doors;
    const floorBytes = this.#floorBytes;
    this.#isLow = true;
    logger.error({ freeBytes, floorBytes, path: dir }, 'the disk is nearly full: starts wait');
    record('DiskLow', { freeBytes, floorBytes, path: dir });
  }

  #heal({ freeBytes }: Space): void {
    const { gate, record, logger } = this.#doors;
    this.#isLow = false;
    logger.info({ freeBytes }, 'the disk has room again: starts go on');
    record('DiskHealed', { freeBytes });
    gate.release('disk-low');
  }
}

/** Was `DiskLow` the last word about the disk? */
export function wasLow(log: EventLog): boolean {
  const last = recentNodeEvents(log).findLast(({ type }) => WORDS.has(type));
  return last?.type === 'DiskLow';
}

const WORDS: ReadonlySet<string> = new Set(['DiskLow', 'DiskHealed']);

async function spaceOf(dir: string): Promise<Space> {
  const { bavail, bsize, ffree, files } = await statfs(dir);
  return { freeBytes: bavail * bsize, freeInodes: files === 0 ? Number.POSITIVE_INFINITY : ffree };
}
