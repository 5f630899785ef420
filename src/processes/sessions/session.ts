/** One command beside a program, from its start until nobody asks about it any more. */
import type { ProcessEnd } from '../../os/attached-process.ts';
import { isOfKill } from '../../os/cgroup-oom.ts';
import type {
  AttachSessionResponse,
  SessionEnd,
  TerminalSize,
} from '../../rpc/gen/holdfast/executor/v1/sessions.ts';
import { HoldfastError } from '../../errors.ts';
import type { Command, Hearing } from './commands.ts';
import { assertKept, type EndedSession } from './ended-session.ts';
import { OutputBuffer } from './output-buffer.ts';

/** A reader that went away may come back within this time; then the command is hung up, or its output dropped. */
export const FORSAKEN_AFTER_MS = 30_000;
/** A reader hears something at least this often. */
const HEARTBEAT_MS = 10_000;

export interface SessionDoors {
  readonly id: string;
  readonly launchKey: string;
  /** Empty when it has none. */
  readonly slot: string;
  /** Throws when nothing was started. */
  readonly begin: (hearing: Hearing) => Command;
  /** Its reader has left, maybe with everything. */
  readonly onUnread: (session: Session) => void;
  /** Nobody has read it for `FORSAKEN_AFTER_MS`. */
  readonly onForsaken: (session: Session) => void;
  /** Its command never began. */
  readonly onRefused: (session: Session) => void;
}

export class Session {
  readonly id: string;
  readonly launchKey: string;
  readonly slot: string;
  readonly command: Command;
  readonly #buffer = new OutputBuffer();
  readonly #onUnread: (session: Session) => void;
  readonly #onForsaken: (session: Session) => void;
  #end: SessionEnd | undefined;
  #reader: AbortController | undefined;
  readonly #wakers = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #inputOffset = 0;
  #lastWrite: Promise<void> = Promise.resolve();
  #isInputClosed = false;
  #isPaused = false;
  /** Why somebody wants it to end, once somebody does. */
  closing: string | undefined;
  /** The agent has recorded the end. */
  isForgotten = false;

  constructor(doors: SessionDoors) {
    this.id = doors.id;
    this.launchKey = doors.launchKey;
    this.slot = doors.slot;
    this.#onUnread = doors.onUnread;
    this.#onForsaken = doors.onForsaken;
    this.command = doors.begin({
      sink: (isStderr, bytes) => this.#hear(isStderr, bytes),
      ended: (end, why) => this.#ended(end, why),
      refused: () => {
        this.#ended({ exitCode: 126, signal: null });
        doors.onRefused(this);
      },
    });
    this.#awaitReader();
  }

  get end(): SessionEnd | undefined {
    return this.#end;
  }
  /** Once it has ended. */
  get leaves(): EndedSession | undefined {
    return this.#end && { end: this.#end, written: this.#buffer.written };
  }

  #hear(isStderr: boolean, bytes: Buffer): boolean {
    this.#buffer.add(isStderr, bytes);
    this.#wake();
    this.#isPaused = this.#buffer.isFull;
    return !this.#isPaused;
  }

  /** Its process has ended. What it wrote is still there for its reader. */
  #ended(end: ProcessEnd, why?: string): void {
    this.command.streams.drain();
    const { exitCode, signal } = end;
    const plain = signal === null ? 'exited' : `ended by ${signal}`;
    const told = isOfKill(end) && this.command.isOutOfMemory() ? 'out of memory' : plain;
    const reason = this.closing ?? why ?? told;
    this.#end = { exitCode: exitCode ?? undefined, signal: signal ?? '', reason };
    if (this.#reader === undefined) this.#awaitReader();
    this.#wake();
  }

  #wake(): void {
    for (const waker of this.#wakers) waker();
  }

  /** Resolves at the next change, on abort, or after `atMostMs`. */
  #changed(signal: AbortSignal, atMostMs?: number): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#wakers.delete(done);
        resolve();
      };
      const timer = atMostMs === undefined ? undefined : setTimeout(done, atMostMs);
      this.#wakers.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** Resolves when the command has ended. Throws ABORTED. */
  async wait(signal: AbortSignal): Promise<SessionEnd> {
    while (this.#end === undefined && !signal.aborted) await this.#changed(signal);
    if (this.#end !== undefined) return this.#end;
    throw new HoldfastError('ABORTED', `nobody waits for session ${this.id} any more`);
  }

  /**
   * The output behind `after`, as it comes, then the end; who asks for that has what stands before it. It takes the
   * place of an earlier reader. Throws POSITION_COMPACTED when it is not kept as far back.
   */
  async *read(
    after: number | undefined,
    left: AbortSignal,
  ): AsyncGenerator<AttachSessionResponse, void, undefined> {
    assertKept(this.id, this.#buffer.taken, after);
    // Whoever asked and left before this began takes nobody's place.
    if (left.aborted) return;
    this.#reader?.abort();
    const reader = new AbortController();
    this.#reader = reader;
    clearTimeout(this.#timer);
    // Of the one before him nobody else tells: the command would wait for room for ever.
    if (after !== undefined) this.take(after);
    const signal = AbortSignal.any([left, reader.signal]);
    let at = after ?? this.#buffer.taken;
    try {
      const value = { outputOffset: at, inputOffset: this.#inputOffset };
      yield { part: { $case: 'attached', value } };
      while (!signal.aborted) {
        const chunk = this.#buffer.after(at);
        if (chunk !== undefined) {
          at = chunk.offset;
          const { isStderr, bytes, offset } = chunk;
          yield { part: { $case: 'output', value: { isStderr, data: bytes, offset } } };
        } else if (this.#end !== undefined) {
          return yield { part: { $case: 'ended', value: this.#end } };
        } else if (!(await this.#newsWithin(HEARTBEAT_MS, signal))) {
          yield { part: { $case: 'heartbeat', value: {} } };
        }
      }
      if (reader.signal.aborted)
        throw new HoldfastError('ABORTED', `session ${this.id} is read elsewhere`);
    } finally {
      if (this.#reader === reader) {
        this.#reader = undefined;
        this.#awaitReader();
        this.#onUnread(this);
      }
    }
  }

  /** False when nothing happened within the time. */
  async #newsWithin(ms: number, signal: AbortSignal): Promise<boolean> {
    const { written } = this.#buffer;
    await this.#changed(signal, ms);
    return signal.aborted || this.#end !== undefined || this.#buffer.written > written;
  }

  #awaitReader(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#onForsaken(this), FORSAKEN_AFTER_MS);
  }

  /** The reader has the output before `offset`. */
  take(offset: number): void {
    this.#buffer.take(offset);
    if (!this.#isPaused || !this.#buffer.hasRoomAgain) return;
    this.#isPaused = false;
    this.command.streams.resume();
  }

  /** Nobody will read it. */
  dropOutput(): void {
    this.#buffer.take(this.#buffer.written);
  }
  /** Its end is recorded, and whoever read it has all of it. */
  get isDone(): boolean {
    const isDrained = this.#buffer.taken === this.#buffer.written;
    return this.#end !== undefined && this.isForgotten && isDrained && this.#reader === undefined;
  }

  /** Resolves when the command has what stands before the offset that is returned. Throws USAGE for a gap. */
  async write(offset: number, data: Uint8Array, closes: boolean): Promise<number> {
    if (offset > this.#inputOffset) {
      const text = `input at ${offset}, and only what is before ${this.#inputOffset} has come`;
      throw new HoldfastError('USAGE', text);
    }
    const fresh = Buffer.from(data.subarray(this.#inputOffset - offset));
    this.#inputOffset += fresh.length;
    if (this.#end !== undefined || this.#isInputClosed) return this.#inputOffset;
    if (closes) this.#isInputClosed = true;
    const reached = this.#inputOffset;
    this.#lastWrite = this.#lastWrite.then(async () => {
      if (fresh.length > 0) await this.command.streams.write(fresh);
      if (closes) this.command.streams.end();
    });
    await this.#lastWrite;
    return reached;
  }

  resize({ columns, rows }: TerminalSize): void {
    if (this.#end === undefined) this.command.streams.resize({ columns, rows });
  }

  /** Nobody will ask about it any more. */
  discard(): void {
    clearTimeout(this.#timer);
  }
}
