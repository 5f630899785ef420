/**
 * What the agent does for the output of tasks beside having it collected: says how much room there is for it, and makes
 * facts of what hosts removed because there was none.
 */
import { closeSync, constants, openSync, renameSync, statfsSync } from 'node:fs';
import { errnoOf, messageOf } from '../errors.ts';
import type { NodeEvent } from '../events/node-event.ts';
import type { Facts } from '../machines/chart-parts.ts';
import type { EventLog } from '../log/event-log.ts';
import { removeFile } from '../os/atomic-file.ts';
import { tryLock } from '../os/pipes.ts';
import { readPlainFile } from '../os/plain-file.ts';
import { mergePurges, parsePurges, purgesPath, segmentNames } from '../output/purges.ts';
import type { Logger } from '../ports.ts';
import { recentNodeEvents } from './node-journal.ts';

const GIB = 2 ** 30;
const MOST_BYTES = 5 * GIB;
const SHARE_OF_DISK = 0.1;

/** 5 GiB, or a tenth of the file system if that is less. */
export function defaultLogBudget(dir: string): number {
  const { blocks, bsize } = statfsSync(dir);
  return Math.min(MOST_BYTES, Math.floor(blocks * bsize * SHARE_OF_DISK));
}

export interface LogUpkeepDoors {
  readonly stateDir: string;
  readonly log: EventLog;
  readonly logger: Logger;
  /** Resolves when it is durable. */
  readonly append: (type: 'LogPurged', facts: Facts<NodeEvent, 'LogPurged'>) => Promise<unknown>;
  /** Aborts when the agent closes. */
  readonly signal: AbortSignal;
}

const LOOK_EVERY_MS = 10_000;
/** Names of segments that are remembered, to recognise what is told twice. */
const MOST_NAMES = 20_000;
/** As many facts of the node are looked through for them by an agent that begins. */
const LOOK_BACK_EVENTS = 2_000;

/** Takes over what hosts noted, now and again and again until `signal` aborts. */
export function keepLogs(doors: LogUpkeepDoors): void {
  const { logger, signal } = doors;
  const upkeep = new LogUpkeep(doors);
  const look = (): void => {
    void upkeep.look().catch((error: unknown) => {
      if (!signal.aborted) logger.warn({ error: messageOf(error) }, 'purged logs are not recorded');
    });
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  look();
}

export class LogUpkeep {
  readonly #doors: Omit<LogUpkeepDoors, 'logger' | 'signal'>;
  #known: Set<string> | undefined;
  #looking: Promise<void> | undefined;

  constructor(doors: Omit<LogUpkeepDoors, 'logger' | 'signal'>) {
    this.#doors = doors;
  }

  /**
   * Appends what was noted and removes the note, which may be repeated after any of its steps: what stands in the log
   * already is not appended again. One at a time. Rejects with what the log or the file system says.
   */
  async look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  async #look(): Promise<void> {
    const path = purgesPath(this.#doors.stateDir);
    const taken = `${path}.taken`;
    // First what an agent took that died before it was done.
    for (const isNew of [false, true]) {
      if (isNew && !take(path, taken)) return;
      await this.#record(taken);
    }
  }

  async #record(taken: string): Promise<void> {
    const found = readPlainFile(taken);
    if (found.is === 'absent') return;
    const known = (this.#known ??= this.#fromLog());
    const lines = found.is === 'text' ? parsePurges(found.text) : [];
    for (const purge of mergePurges(lines, (name) => known.has(name))) {
      await this.#doors.append('LogPurged', purge);
      for (const name of segmentNames(purge)) known.add(name);
    }
    forgetOldest(known);
    removeFile(taken);
  }

  #fromLog(): Set<string> {
    const events = recentNodeEvents(this.#doors.log, LOOK_BACK_EVENTS);
    return new Set(
      events.flatMap((event) => (event.type === 'LogPurged' ? segmentNames(event.data) : [])),
    );
  }
}

/** Under the lock of whoever writes it: nobody writes a line into what was read. False when there is nothing. */
function take(path: string, taken: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  try {
    if (!tryLock(fd)) return false;
    renameSync(path, taken);
    return true;
  } finally {
    closeSync(fd);
  }
}

/** The order of a set is that in which its members came. */
function forgetOldest(names: Set<string>): void {
  for (const name of names) {
    if (names.size <= MOST_NAMES) return;
    names.delete(name);
  }
}
