/** Commands beside tasks, as users of the library see them; types only. */
import type { Abortable } from '../ports.ts';

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface ExecOptions extends Abortable {
  /** Over the environment of the task's program, which the command has too. */
  readonly env?: Readonly<Record<string, string>>;
  /** A name or a number, with `:GROUP` if wanted; left out: as the task's program. */
  readonly user?: string;
  /** Relative to the working directory of the task's program, which is the default. */
  readonly cwd?: string;
  /** Gives the command a terminal of this size; everything that it writes is stdout then. */
  readonly terminal?: TerminalSize;
  /** Who asks, for the event. */
  readonly actor?: string;
  /** As of `AttachOptions`. */
  readonly takesByWord?: boolean;
}

export interface ExecChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Uint8Array;
  /** Bytes of output up to the end of `data`, both streams together: where another reader goes on. */
  readonly offset: number;
}

/** Exactly one of the two is not null; neither is known when the command was lost with its host or with its run. */
export interface ExecExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly reason: string;
}

/**
 * A command beside a task's program. It is run by the task's executor host: an agent that ends does not end it, and
 * whoever attaches again within 30 s has missed nothing. One that nobody reads for so long is hung up.
 */
export interface ExecSession extends AsyncDisposable {
  readonly id: string;
  readonly allocId: string;
  readonly task: string;
  /**
   * What the command writes, once. A chunk counts as taken when the next one is asked for: about 256 KiB that nobody
   * has taken make the command wait. Ends when the command has ended and all was read, and when the signal aborts.
   * Errors: ABORTED when somebody else reads it now, UNAVAILABLE when the agent is gone.
   */
  readonly output: AsyncIterable<ExecChunk>;
  /** The output before this offset is in safe hands and need not be kept any longer. */
  take(offset: number): Promise<void>;
  /** Bytes of input that the session had taken when it was opened or attached to. */
  readonly inputOffset: number;
  /** Resolves when the command, or the kernel for it, has the bytes; what comes after its end goes nowhere. */
  write(data: Uint8Array | string): Promise<void>;
  /** The command reads the end of its input, and its output goes on; with a terminal, as if ^D was typed. */
  end(): Promise<void>;
  /** Ignored without a terminal, and after the end. */
  resize(size: TerminalSize): Promise<void>;
  /** To the command's process group, as a terminal would. Ignored after the end. */
  signal(signal: string): Promise<void>;
  /** Resolves when the end is recorded, whether the output is read or not. */
  readonly exit: Promise<ExecExit>;
  /** Goes away without ending the command. */
  detach(): Promise<void>;
  /** Hangs up: SIGHUP, and SIGKILL for what does not end by that. Resolves when the command has ended. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface AttachOptions extends Abortable {
  /** The output before this offset is known already; left out: what nobody has taken yet. */
  readonly after?: number;
  /** Output counts as taken when `take` says so, and not when the next chunk is asked for. */
  readonly takesByWord?: boolean;
}

export interface ExecCalls {
  /**
   * Runs a command beside the program of a running task; `ref` names the task, or an alloc of one task. Resolves when
   * the command was started; an abort hangs it up. Errors: NOT_FOUND, AMBIGUOUS, USAGE, WRONG_STATE (the task does not
   * run), CAPABILITY_MISSING, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, UNAVAILABLE.
   */
  exec(ref: string, argv: readonly string[], options?: ExecOptions): Promise<ExecSession>;
  /** Goes on with a command; whoever reads it now stops reading. Errors: NOT_FOUND, POSITION_COMPACTED, UNAVAILABLE. */
  attach(session: string, options?: AttachOptions): Promise<ExecSession>;
}
