/** Both ways between a session and its command at an engine, over one connection. */
import type { Duplex } from 'node:stream';
import type { Engine } from '../../../engine/engine.ts';
import type { TerminalSize } from '../../../rpc/gen/holdfast/executor/v1/sessions.ts';
import type { CommandStreams, Sink } from '../../sessions/commands.ts';
import { writeAll } from '../../sessions/write-all.ts';
import { framedOutput, plainOutput } from './exec-frames.ts';

/** ^D: a terminal cannot be closed from one side. */
const END_OF_INPUT = Buffer.from([4]);
/** A command has ended, and what it left behind has its output open: nothing more of its own comes after so long. */
const QUIET_MS = 500;
/** More than an engine (a megabyte) and the kernel hold back: what lies behind it was written after the end. */
const REST_LIMIT_BYTES = 8 * 1024 * 1024;
/** Of what an engine says about a command that did not begin. */
const WORDS_LIMIT_BYTES = 4_096;
const WORDS_WAIT_MS = 1_000;

export class EngineStreams implements CommandStreams {
  readonly #engine: Engine;
  readonly #isTty: boolean;
  readonly #sink: Sink;
  readonly #begun = Promise.withResolvers<void>();
  #exec = '';
  #connection: Duplex | undefined;
  #size: TerminalSize | undefined;
  #resizing = Promise.resolve();
  /** From its end on nobody makes it wait. */
  #isRest = false;
  #told = 0;
  #wake: () => void = () => undefined;
  /** The engine says nothing more. */
  isOver = false;

  constructor(engine: Engine, isTty: boolean, sink: Sink) {
    this.#engine = engine;
    this.#isTty = isTty;
    this.#sink = sink;
  }

  /** What the engine says of a command that did not begin. */
  async wordsOf(connection: Duplex): Promise<string> {
    let text = '';
    const sink: Sink = (_isStderr, bytes) => {
      text += bytes.toString('utf8');
      return text.length < WORDS_LIMIT_BYTES;
    };
    const take = this.#taking(sink);
    const timer = setTimeout(() => connection.destroy(), WORDS_WAIT_MS);
    try {
      for await (const chunk of connection) if (!take(chunk as Buffer)) break;
    } catch {
      // What came is all there is.
    }
    clearTimeout(timer);
    return text;
  }

  begin(exec: string, connection: Duplex, size: TerminalSize | undefined): void {
    this.#exec = exec;
    this.#connection = connection;
    const take = this.#taking((isStderr, bytes) => {
      this.#told += bytes.length;
      return this.#sink(isStderr, bytes);
    });
    connection.on('data', (chunk: Buffer) => {
      if (!take(chunk) && !this.#isRest) connection.pause();
      if (this.#isRest) this.wake();
    });
    for (const event of ['end', 'close', 'error']) {
      connection.on(event, () => {
        this.isOver = true;
        this.wake();
      });
    }
    // One that said nothing may have ended before.
    this.isOver = connection.readableEnded || connection.destroyed;
    // Not every engine makes a terminal of a size; the newest word counts.
    const wanted = this.#size ?? size;
    this.#begun.resolve();
    if (wanted !== undefined) this.resize(wanted);
  }

  #taking(sink: Sink): (chunk: Buffer) => boolean {
    return this.#isTty ? plainOutput(sink) : framedOutput(sink);
  }

  resume(): void {
    this.#connection?.resume();
  }

  async write(bytes: Buffer): Promise<void> {
    await this.#begun.promise;
    if (this.#connection !== undefined) await writeAll(this.#connection, bytes);
  }

  end(): void {
    void this.#begun.promise.then(() => {
      if (this.#connection === undefined) return;
      if (this.#isTty) void writeAll(this.#connection, END_OF_INPUT);
      else this.#connection.end();
    });
  }

  resize(size: TerminalSize): void {
    this.#size = size;
    if (this.#connection === undefined || !this.#isTty) return;
    const ask = (): Promise<unknown> => this.#engine.resizeExec(this.#exec, size);
    // One that is over has no size, and a call that fails is not worth the session.
    this.#resizing = this.#resizing.then(ask).then(
      () => undefined,
      () => undefined,
    );
  }

  /** Resolves after `atMostMs`, and when there may be news. */
  changed(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, atMostMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  wake(): void {
    this.#wake();
  }

  /** The command has ended: tells what is left of it. */
  async rest(): Promise<void> {
    this.#isRest = true;
    const from = this.#told;
    this.#connection?.resume();
    while (!this.isOver && this.#told - from < REST_LIMIT_BYTES) {
      const told = this.#told;
      await this.changed(QUIET_MS);
      if (this.#told === told) break;
    }
  }

  drain(): void {
    this.#connection?.destroy();
    // Of one that never began nothing is written any more.
    this.#begun.resolve();
  }
}
