import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  statSync,
  writeSync,
} from 'node:fs';

import { messageOf } from '../../errors.ts';
import { tryLock } from '../../os/pipes.ts';
import { formatPurge, type Purge } from '../../output/purges.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/** What the file may hold while no agent comes for it, in bytes: the gaps beside the streams tell all of it as well. */
const MOST_BYTES = 4_194_304;
const MOST_WAITING = 10_000;

/** Tells the agent what was purged: lines in a file that many hosts share, each under a lock. */
export class PurgeJournal {
  readonly #path: string;
  readonly #report: (line: string) => void;
  /** Told already, in no file yet: the disk is full, or somebody has the lock. */
  #waiting: Purge[] = [];
  #hasReported = false;

  constructor(path: string, report: (line: string) => void) {
    this.#path = path;
    this.#report = report;
  }

  add(purge: Purge): void {
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push(purge);
    this.flush();
  }

  /** To be called now and then: what could not be written waits for the next call. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    try {
      if (this.#write(this.#waiting.map(formatPurge).join(''))) this.#waiting = [];
    } catch (error) {
      if (!this.#hasReported) this.#report(`${this.#path} is not written: ${messageOf(error)}`);
      this.#hasReported = true;
    }
  }

  /** False when somebody else has the file at the moment. */
  #write(lines: string): boolean {
    const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
    const fd = openSync(this.#path, flags, 0o600);
    try {
      if (!tryLock(fd)) return false;
      const { ino, size } = fstatSync(fd);
      // The agent has taken it between the opening and the lock.
      if (statSync(this.#path, { throwIfNoEntry: false })?.ino !== ino) return false;
      if (size > MOST_BYTES) throw new Error('no agent has come for it for long');
      const bytes = Buffer.from(lines);
      if (writeSync(fd, bytes) === bytes.length) return true;
      // Half of a line would spoil the next one.
      ftruncateSync(fd, size);
      return false;
    } finally {
      closeSync(fd);
    }
  }
}
