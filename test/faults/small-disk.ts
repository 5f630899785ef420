/** A data directory on a small file system of its own, and what takes its room away. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf } from '../../src/errors.ts';
import { Machine } from '../acceptance/rig.ts';

/** More than the floor below which nothing is started, or no start would ever be seen. */
const DISK = '160M';

/** An agent's machine on such a disk; nothing of either is left behind. */
export async function withDisk(
  work: (machine: Machine) => Promise<void>,
  command?: string,
): Promise<void> {
  const machine = new Machine(command);
  const { dataDir } = machine;
  const image = `${dataDir}.image`;
  execFileSync('truncate', ['-s', DISK, image]);
  execFileSync('mkfs.ext4', ['-q', '-m', '0', image]);
  execFileSync('mount', ['-o', 'loop,errors=remount-ro', image, dataDir]);
  try {
    await work(machine);
  } finally {
    await machine.killAgent();
    machine.killAll();
    execFileSync('umount', ['-l', dataDir]);
    await machine.scrap();
    rmSync(image);
  }
}

const PIECE_BYTES = 1 << 20;

/** Takes the room of a disk away, down to the last byte, and gives it back. */
export class Filler {
  readonly #disk: string;
  readonly #dir: string;
  #isWanted = true;

  constructor(dataDir: string) {
    this.#disk = dataDir;
    this.#dir = join(dataDir, 'filler');
    mkdirSync(this.#dir);
  }

  /** Leaves so much at most, to a piece; nothing at all is reached in smaller and smaller pieces. */
  async fill(leaveBytes = 0): Promise<void> {
    const file = openSync(join(this.#dir, 'bytes'), 'a');
    let sizeBytes = PIECE_BYTES;
    while (this.#isWanted && sizeBytes >= 1 && this.#freeBytes() >= leaveBytes) {
      try {
        if (writeSync(file, Buffer.alloc(sizeBytes, 'x')) < sizeBytes) sizeBytes >>= 1;
      } catch (error) {
        if (errnoOf(error) !== 'ENOSPC') throw error;
        sizeBytes >>= 1;
      }
      await delay(0);
    }
    closeSync(file);
  }

  #freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#disk);
    return bavail * bsize;
  }

  async keepFull(): Promise<void> {
    while (this.#isWanted) {
      await this.fill();
      await delay(5);
    }
  }

  free(): void {
    this.#isWanted = false;
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
