import type { ExecChunk, ExecExit, ExecSession, TerminalSize } from '../../src/api.ts';

/** A command that says again what it is told, on stderr what is in capitals, and ends with its input. */
export class FakeSession implements ExecSession {
  readonly id = 'session-1';
  readonly allocId: string;
  readonly task: string;
  readonly inputOffset = 0;
  readonly calls: string[] = [];
  /** Offset up to which the output was taken. */
  taken = 0;
  readonly #ended = Promise.withResolvers<ExecExit>();
  readonly #chunks: ExecChunk[] = [];
  #isOver = false;
  #wake = (): void => undefined;

  constructor(allocId: string, task: string) {
    this.allocId = allocId;
    this.task = task;
  }

  get exit(): Promise<ExecExit> {
    return this.#ended.promise;
  }
  get output(): AsyncIterable<ExecChunk> {
    return this.#read();
  }

  async *#read(): AsyncGenerator<ExecChunk> {
    for (let at = 0; ; at += 1) {
      while (this.#chunks[at] === undefined && !this.#isOver) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      const chunk = this.#chunks[at];
      if (chunk === undefined) return;
      yield chunk;
    }
  }

  async take(offset: number): Promise<void> {
    this.taken = offset;
  }
  async write(data: Uint8Array | string): Promise<void> {
    const bytes = Buffer.from(data);
    const stream = /^[A-Z]+$/.test(bytes.toString()) ? 'stderr' : 'stdout';
    const offset = (this.#chunks.at(-1)?.offset ?? 0) + bytes.length;
    this.#chunks.push({ stream, data: bytes, offset });
    this.#wake();
  }
  async end(): Promise<void> {
    this.#over({ exitCode: 7, signal: null, reason: 'exited' });
  }
  async resize({ columns, rows }: TerminalSize): Promise<void> {
    this.calls.push(`resize ${columns} ${rows}`);
  }
  async signal(signal: string): Promise<void> {
    this.calls.push(`signal ${signal}`);
  }
  async detach(): Promise<void> {
    this.calls.push('detach');
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over({ exitCode: null, signal: 'SIGHUP', reason: 'closed' });
  }

  #over(exit: ExecExit): void {
    this.#isOver = true;
    this.#ended.resolve(exit);
    this.#wake();
  }
}
