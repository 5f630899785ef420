/** One command beside a task, as the user of this process holds it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { AttachOptions, ExecChunk, ExecExit, ExecSession, TerminalSize } from '../api.ts';
import type { AgentDoors } from '../actors/agent-doors.ts';
import type { SessionReading } from '../actors/session-words.ts';
import type { KeptSession } from '../actors/sessions.ts';
import { HoldfastError, isRetryable } from '../errors.ts';

/** A message to a host at most. */
const PIECE_BYTES = 64 * 1024;
/** The host is told what was taken after so much, so that it never runs dry of room for the command. */
const TAKE_BYTES = 32 * 1024;
const LOOK_AGAIN_MS = 200;

export class LocalSession implements ExecSession {
  readonly id: string;
  readonly allocId: string;
  readonly task: string;
  readonly inputOffset: number;
  readonly exit: Promise<ExecExit>;
  readonly output: AsyncIterable<ExecChunk>;
  readonly #sessions: AgentDoors['sessions'];
  readonly #kept: KeptSession;
  readonly #leaving = new AbortController();
  #reading: SessionReading;
  #written: number;
  /** Offsets of output: told to the host as taken, and seen by the reader. */
  #told: number;
  #seen: number;

  /** `reading` has begun: the command is read from now on, and its reader is this one. */
  constructor(
    sessions: AgentDoors['sessions'],
    kept: KeptSession,
    reading: SessionReading,
    { signal, takesByWord = false }: AttachOptions,
  ) {
    this.#sessions = sessions;
    this.#kept = kept;
    this.#reading = reading;
    this.id = kept.id;
    this.allocId = kept.allocId;
    this.task = kept.task;
    this.exit = kept.end;
    this.inputOffset = reading.inputOffset;
    this.#written = reading.inputOffset;
    this.#told = reading.outputOffset;
    this.#seen = reading.outputOffset;
    this.output = this.#read(!takesByWord);
    const abort = (): void => void this[Symbol.asyncDispose]().catch(() => undefined);
    signal?.addEventListener('abort', abort, { once: true });
    const done = (): void => signal?.removeEventListener('abort', abort);
    void kept.end.then(done, done);
    if (signal?.aborted === true) abort();
  }

  async *#read(takes: boolean): AsyncGenerator<ExecChunk, void, undefined> {
    for (;;) {
      try {
        for await (const { isStderr, data, offset } of this.#reading.output) {
          yield { stream: isStderr ? 'stderr' : 'stdout', data, offset };
          this.#seen = offset;
          if (takes && offset - this.#told >= TAKE_BYTES) await this.take(offset);
        }
        // All was read, also when the host that would be told of it is gone.
        if (takes) await this.take(this.#seen).catch(() => undefined);
        return;
      } catch (error) {
        if (this.#leaving.signal.aborted) return;
        if (!(await this.#hasComeBack(error))) return;
      }
    }
  }

  /** A connection that broke while its host lives is made anew. False when the session is over. */
  async #hasComeBack(error: unknown): Promise<boolean> {
    if (!isRetryable(error)) throw error;
    for (;;) {
      await delay(LOOK_AGAIN_MS);
      try {
        const signal = this.#leaving.signal;
        this.#reading = await this.#sessions.read(this.#kept, this.#seen, signal);
        return true;
      } catch (again) {
        // Lost with its host: `exit` tells.
        if (HoldfastError.is(again, 'NOT_FOUND') || this.#leaving.signal.aborted) return false;
        if (!isRetryable(again)) throw again;
      }
    }
  }

  async take(offset: number): Promise<void> {
    if (offset <= this.#told) return;
    this.#told = offset;
    await ignoreEnd(this.#sessions.take(this.#kept, offset));
  }

  async write(data: Uint8Array | string): Promise<void> {
    const bytes = Buffer.from(data);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      await this.#send(bytes.subarray(at, at + PIECE_BYTES), false);
    }
  }

  end(): Promise<void> {
    return this.#send(Buffer.alloc(0), true);
  }

  async #send(piece: Buffer, closes: boolean): Promise<void> {
    const offset = this.#written;
    this.#written += piece.length;
    await ignoreEnd(this.#sessions.write(this.#kept, offset, piece, closes));
  }

  async resize(size: TerminalSize): Promise<void> {
    await ignoreEnd(this.#sessions.resize(this.#kept, size));
  }

  async signal(signal: string): Promise<void> {
    await ignoreEnd(this.#sessions.signal(this.#kept, signal));
  }

  async detach(): Promise<void> {
    this.#leaving.abort();
    this.#reading.leave();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await ignoreEnd(this.#sessions.close(this.#kept, 'closed'));
    await this.exit.catch(() => undefined);
    await this.detach();
  }
}

/** What is asked of a session that is over is not done, and is no error. */
async function ignoreEnd(asked: Promise<unknown>): Promise<void> {
  try {
    await asked;
  } catch (error) {
    if (!HoldfastError.is(error, 'NOT_FOUND')) throw error;
  }
}
