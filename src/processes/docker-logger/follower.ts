/** Moves one stream of a container's log into the FIFO of its task, until the container has ended and all is there. */
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, messageOf } from '../../errors.ts';
import { dockerEngine } from '../../engine/docker-engine.ts';
import { EngineError } from '../../engine/engine-error.ts';
import { type LogSource, piecesOf } from './container-log.ts';
import type { Position } from './position.ts';
import type { Piece } from './resumed.ts';
import { Stage, type StagePlace } from './stage.ts';

/**
 * An engine that throws files away under a reader that follows does not say so. Whoever is behind reads what is there
 * in whole answers instead, each of which is of one moment and begins with a message that is known.
 */
const BEHIND_BYTES = 262_144;
const BEHIND_MS = 100;
/** After what did not work, and after a log that ended at once. */
const LEAST_PAUSE_MS = 100;
const FIRST_FAULT_MS = 500;
const MOST_PAUSE_MS = 10_000;
const MOST_IDLE_MS = 1_000;
/** A reader that follows may stand still after a file was full, also when the container has ended. */
const MOST_QUIET_MS = 30_000;
const NOTHING = Buffer.alloc(0);

export interface FollowerDoors {
  /** Something that the task's users should know. */
  remark(type: 'gap' | 'unreadable', message: string): void;
  /** For the host's log. */
  report(message: string): void;
}

export class Follower {
  readonly #source: LogSource;
  readonly #place: StagePlace;
  readonly #doors: FollowerDoors;
  readonly #closing = new AbortController();
  readonly done: Promise<void>;
  isDone = false;
  #pauseMs = 0;

  constructor(source: LogSource, place: StagePlace, doors: FollowerDoors) {
    this.#source = source;
    this.#place = place;
    this.#doors = doors;
    this.done = this.#run();
  }

  /** Resolves when nothing is held any more. What was not moved can be gone on with by another one. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let stage: Stage | undefined;
    while (!this.isDone && !signal.aborted) {
      try {
        stage ??= Stage.open(this.#place);
        await stage.flush(signal);
        this.isDone = await this.#turn(stage);
      } catch (error) {
        if (signal.aborted) break;
        this.isDone = this.#isHopeless(error);
        if (!this.isDone) this.#recover(error);
      }
      if (this.#pauseMs > 0 && !this.isDone) {
        await delay(this.#pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
    stage?.close();
  }

  /** True when there will be no more. */
  async #turn(stage: Stage): Promise<boolean> {
    const isOver = await this.#isOver();
    const there = await this.#read(stage, false);
    if (there > BEHIND_BYTES) return false;
    if (isOver) return true;
    const bytes = await this.#read(stage, true);
    this.#pauseMs =
      bytes + there > 0 ? 0 : Math.min(Math.max(LEAST_PAUSE_MS, this.#pauseMs * 2), MOST_IDLE_MS);
    return false;
  }

  /** Looked at before the log: what a container wrote is in it when the engine says that it has ended. */
  async #isOver(): Promise<boolean> {
    const { place, containerId } = this.#source;
    const found = await dockerEngine(place).inspectContainer(containerId);
    if (found === undefined) return true;
    return ['exited', 'dead', 'removing'].includes(found.state.status);
  }

  async #read(stage: Stage, isFollowing: boolean): Promise<number> {
    const ending = new AbortController();
    const signal = AbortSignal.any([ending.signal, this.#closing.signal]);
    let bytes = 0;
    let timer: NodeJS.Timeout | undefined;
    const endLater = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => ending.abort(), MOST_QUIET_MS).unref();
    };
    if (isFollowing) {
      endLater();
      this.#untilOver(signal).then(
        () => ending.abort(),
        () => undefined,
      );
    }
    try {
      for await (const pieces of piecesOf(this.#source, {
        from: stage.position,
        isFollowing,
        signal,
      })) {
        const moved = await this.#move(stage, pieces);
        bytes += moved.bytes;
        const isBehind = bytes > BEHIND_BYTES || moved.waitedMs > BEHIND_MS;
        if (isFollowing && isBehind) break;
        if (isFollowing) endLater();
      }
    } catch (error) {
      if (this.#closing.signal.aborted || !ending.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
      ending.abort();
    }
    return bytes;
  }

  async #untilOver(signal: AbortSignal): Promise<void> {
    const { place, containerId } = this.#source;
    await dockerEngine(place).waitContainer(containerId, signal);
  }

  async #move(
    stage: Stage,
    pieces: readonly Piece[],
  ): Promise<{ bytes: number; waitedMs: number }> {
    const frame = new Frame(stage, this.#closing.signal);
    for (const piece of pieces) {
      if (piece.kind === 'gap') this.#tellGap();
      await frame.add(piece.kind === 'gap' ? NOTHING : piece.content, piece.after);
    }
    await frame.put();
    return frame;
  }

  #tellGap(): void {
    const { stream } = this.#source;
    const message = `the engine threw a part of ${stream} away before it was read`;
    this.#doors.remark('gap', message);
  }

  #isHopeless(error: unknown): boolean {
    const { stream } = this.#source;
    const fault = EngineError.of(error);
    if (fault?.kind !== 'refused') return false;
    if (fault.status === 404) return true;
    if (!/does not support read/i.test(fault.message)) return false;
    this.#doors.remark('unreadable', `${stream} is not collected: ${fault.message}`);
    return true;
  }

  #recover(error: unknown): void {
    if (this.#pauseMs < FIRST_FAULT_MS && !HoldfastError.is(error, 'WRONG_STATE')) {
      this.#doors.report(
        `${this.#source.stream} of ${this.#source.containerId}: ${messageOf(error)}`,
      );
    }
    this.#pauseMs = Math.min(Math.max(FIRST_FAULT_MS, this.#pauseMs * 2), MOST_PAUSE_MS);
  }
}

/** Packs messages together as far as they fit, and cuts what is larger. */
class Frame {
  readonly #stage: Stage;
  readonly #signal: AbortSignal;
  readonly #most: number;
  #parts: Buffer[] = [];
  #size = 0;
  #after: Position;
  bytes = 0;
  waitedMs = 0;

  constructor(stage: Stage, signal: AbortSignal) {
    this.#stage = stage;
    this.#signal = signal;
    this.#most = stage.frameBytes;
    this.#after = stage.position;
  }

  async add(content: Buffer, after: Position): Promise<void> {
    let rest = content;
    if (this.#size + rest.length > this.#most) await this.put();
    while (rest.length > this.#most) {
      const { offset } = this.#after;
      this.#parts.push(rest.subarray(0, this.#most));
      this.#after = { ...this.#after, offset: offset + this.#most };
      rest = rest.subarray(this.#most);
      await this.put();
    }
    this.#parts.push(rest);
    this.#size += rest.length;
    this.#after = after;
  }

  async put(): Promise<void> {
    if (this.#after === this.#stage.position) return;
    const frame = Buffer.concat(this.#parts);
    await this.#stage.put(frame, this.#after, this.#signal);
    this.#parts = [];
    this.#size = 0;
    this.bytes += frame.length;
    this.waitedMs += this.#stage.waitedMs;
  }
}
