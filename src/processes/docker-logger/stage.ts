/**
 * Moves bytes into the FIFO of a task exactly once, whatever is killed: before the FIFO is a pipe of our own. A frame
 * is written into that, then it is recorded how far it goes, then the kernel moves it over (splice(2): each byte is in
 * one pipe or the other). Found anew, a frame that was recorded goes on from what is left of it, and one that was not
 * is thrown away, since nothing of it was moved: nobody has to know how much the reader took.
 */
import { closeSync, constants, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../../errors.ts';
import { ensureFifo } from '../../os/ensure-fifo.ts';
import { openFifoOrLost } from '../../os/lost-fifo.ts';
import { bytesWaiting, ERRNO, errnoName, movePipe, pipeSize, tryLock } from '../../os/pipes.ts';
import { BEGINNING, formatPosition, parsePosition, type Position } from './position.ts';

/** A record is written over the one before in one piece, which a kill cannot tear. */
const RECORD_BYTES = 128;
const MOST_FRAME_BYTES = 32_768;
/** How often a FIFO that is full is tried again. */
const FULL_MS = 2;
const MOST_FULL_MS = 50;

export interface StagePlace {
  /** The FIFO of the task. */
  readonly fifo: string;
  /** The pipe before it, made when it is missing. */
  readonly stage: string;
  /** How far it was moved. */
  readonly record: string;
}

export class Stage {
  readonly #fifo: number;
  readonly #stage: number;
  readonly #record: number;
  #position: Position;
  /** Milliseconds that the frame before had to wait for its reader. */
  waitedMs = 0;

  private constructor(fifo: number, stage: number, record: number) {
    this.#fifo = fifo;
    this.#stage = stage;
    this.#record = record;
    const { isStaged, position } = readRecord(record);
    if (!isStaged) throwAway(stage);
    this.#position = position;
  }

  /**
   * Takes over what an earlier one left. Throws WRONG_STATE (retryable) while another one is at work on it, and what
   * the system says of the files.
   */
  static open({ fifo, stage, record }: StagePlace): Stage {
    ensureFifo(stage);
    const opened: number[] = [];
    try {
      const { O_RDWR, O_NONBLOCK, O_NOFOLLOW, O_CREAT } = constants;
      const pipe = openSync(stage, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
      opened.push(pipe);
      if (!tryLock(pipe)) {
        const message = `another docker logger writes through ${stage}`;
        throw new HoldfastError('WRONG_STATE', message, { retryable: true });
      }
      const out = openFifoOrLost(fifo);
      opened.push(out);
      const file = openSync(record, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
      opened.push(file);
      return new Stage(out, pipe, file);
    } catch (error) {
      opened.forEach((fd) => closeSync(fd));
      throw error;
    }
  }

  /** After all that was put, moved or not so far. */
  get position(): Position {
    return this.#position;
  }

  /** How much may be put at once. */
  get frameBytes(): number {
    return Math.min(MOST_FRAME_BYTES, pipeSize(this.#stage) / 2);
  }

  /** Moves a frame, and all before it; `after` is where the stream goes on behind it. Rejects when `signal` aborts. */
  async put(frame: Buffer, after: Position, signal: AbortSignal): Promise<void> {
    await this.flush(signal);
    writeRecord(this.#record, false, this.#position);
    // crash point: dockerlogger.stage.begun
    for (let at = 0; at < frame.length;) at += writeSync(this.#stage, frame, at);
    // crash point: dockerlogger.stage.written
    writeRecord(this.#record, true, after);
    this.#position = after;
    // crash point: dockerlogger.stage.recorded
    await this.flush(signal);
  }

  /** Resolves when all that was put is in the FIFO. */
  async flush(signal: AbortSignal): Promise<void> {
    this.waitedMs = 0;
    let waitMs = FULL_MS;
    for (let waiting = bytesWaiting(this.#stage); waiting > 0;) {
      signal.throwIfAborted();
      const moved = movePipe(this.#stage, this.#fifo, waiting);
      // crash point: dockerlogger.frame.moved
      if (moved > 0) {
        waiting = bytesWaiting(this.#stage);
      } else {
        if (moved !== -ERRNO.EAGAIN) throw cannotMove(moved);
        await delay(waitMs, undefined, { signal });
        this.waitedMs += waitMs;
        waitMs = Math.min(waitMs * 2, MOST_FULL_MS);
      }
    }
  }

  close(): void {
    for (const fd of [this.#stage, this.#fifo, this.#record]) closeSync(fd);
  }
}

function cannotMove(result: number): HoldfastError {
  return new HoldfastError('UNAVAILABLE', `cannot write into the FIFO: ${errnoName(-result)}`);
}

function throwAway(pipe: number): void {
  const bytes = Buffer.alloc(MOST_FRAME_BYTES);
  while (bytesWaiting(pipe) > 0) readSync(pipe, bytes);
}

function writeRecord(fd: number, isStaged: boolean, position: Position): void {
  const text = `${isStaged ? 'staged' : 'open'} ${formatPosition(position)}`;
  writeSync(fd, `${text.padEnd(RECORD_BYTES - 1)}\n`, 0);
}

/** A file that makes no sense is that of nobody: nothing was moved then. */
function readRecord(fd: number): { readonly isStaged: boolean; readonly position: Position } {
  const bytes = Buffer.alloc(RECORD_BYTES);
  const text = bytes.toString('latin1', 0, readSync(fd, bytes, 0, RECORD_BYTES, 0)).trim();
  const [word = '', ...rest] = text.split(' ');
  const position = parsePosition(rest.join(' '));
  if (position !== undefined) return { isStaged: word === 'staged', position };
  ftruncateSync(fd);
  return { isStaged: false, position: BEGINNING };
}
