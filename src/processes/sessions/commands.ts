/** What a host of sessions makes its commands of: processes of its own, or those of an engine. */
import type { ProcessEnd } from '../../os/attached-process.ts';
import type {
  OpenSessionRequest,
  TerminalSize,
} from '../../rpc/gen/holdfast/executor/v1/sessions.ts';

/** What the session of a command does with what it wrote. False: no more until `resume`. */
export type Sink = (isStderr: boolean, bytes: Buffer) => boolean;

/** What a command tells its session. */
export interface Hearing {
  readonly sink: Sink;
  /** Called once: all that it wrote was told, or is told by `drain`. `why` stands for what an end says by itself. */
  ended(end: ProcessEnd, why?: string): void;
  /** Instead of `ended`: it has not begun and never will, and whoever waits for `begun` has been told. */
  refused(): void;
}

/** Both ends of a command's input and output. */
export interface CommandStreams {
  resume(): void;
  /** Resolves when the command, or the kernel for it, has the bytes; also when it will never read again. */
  write(bytes: Buffer): Promise<void>;
  /** The command reads the end of its input. */
  end(): void;
  /** Ignored without a terminal. */
  resize(size: TerminalSize): void;
  /** The command has ended: reads what is left of it, however much that is, and closes everything. */
  drain(): void;
}

export interface Command {
  readonly streams: CommandStreams;
  /** Rejects when it was not started and never will be. */
  readonly begun: Promise<void>;
  /** Has the kernel ended anything beside which it runs, or of it, for want of memory since it began? */
  isOutOfMemory(): boolean;
  /** To its process group. False: it had ended. */
  signal(name: NodeJS.Signals): boolean;
}

export interface Commands {
  /** Begins one. Throws when nothing was started and never will be: COMMAND_NOT_FOUND, WRONG_STATE and the like. */
  begin(request: OpenSessionRequest, hearing: Hearing): Command;
  /**
   * Ends everything of a session, SIGHUP, then SIGKILL, also of one that another host had. Resolves when nothing of it
   * lives, or will not die, and its end was told.
   */
  hangUp(session: string): Promise<void>;
}
