/** Both ends of a command's input and output, as pipes or as a terminal. */
import { closeSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { makeRaw, openBlockingPipe } from '../../../os/attached-process.ts';
import { openTerminal, resizeTerminal } from '../../../os/terminal.ts';
import type { CommandStreams, Sink } from '../../sessions/commands.ts';
import { writeAll } from '../../sessions/write-all.ts';
import type { TerminalSize } from '../../../rpc/gen/holdfast/executor/v1/sessions.ts';

/** Those of a process that this host starts. */
export interface OwnStreams extends CommandStreams {
  /** What becomes fd 0, 1 and 2 of the command: a descriptor, or a terminal's path. */
  readonly ends: readonly (number | string)[];
  /** The command was started, or was not: its own ends are nobody else's any more. */
  given(): void;
}

const READ_BYTES = 64 * 1024;
/** More than any pipe or terminal holds: what lies behind it was written after the end, by something left behind. */
const DRAIN_LIMIT_BYTES = 1024 * 1024;
/** ^D: a terminal cannot be closed from one side. */
const END_OF_INPUT = Buffer.from([4]);

export function pipeStreams(sink: Sink): OwnStreams {
  const [input, output, errors] = [openBlockingPipe(), openBlockingPipe(), openBlockingPipe()];
  const stdout = new Source(output.readEnd, (bytes) => sink(false, bytes), pipeReader);
  const stderr = new Source(errors.readEnd, (bytes) => sink(true, bytes), pipeReader);
  const stdin = new Socket({ fd: input.writeEnd, readable: false, writable: true });
  // A command that closed its input: what follows goes nowhere.
  stdin.on('error', () => stdin.destroy());
  return {
    ends: [input.readEnd, output.writeEnd, errors.writeEnd],
    given: () => [input.readEnd, output.writeEnd, errors.writeEnd].forEach((fd) => closeSync(fd)),
    resume: () => [stdout, stderr].forEach((source) => source.resume()),
    write: (bytes) => writeAll(stdin, bytes),
    end: () => void stdin.end(),
    resize: () => undefined,
    drain: () => {
      stdin.destroy();
      for (const source of [stdout, stderr]) source.drain();
    },
  };
}

/**
 * `isRaw`: the command has another terminal behind this one, which interprets what is typed.
 * Throws CAPABILITY_MISSING or RESOURCES_EXHAUSTED.
 */
export function terminalStreams(
  { columns, rows }: TerminalSize,
  isRaw: boolean,
  sink: Sink,
): OwnStreams {
  const terminal = openTerminal(columns, rows);
  // Before anything stands behind it that could do so: what is typed early is meant for the command.
  if (isRaw) makeRaw(terminal.slave);
  const source = new Source(terminal.master, (bytes) => sink(false, bytes), terminalReader);
  let isOpen = true;
  return {
    ends: [terminal.path, terminal.path, terminal.path],
    given: () => undefined,
    resume: () => source.resume(),
    write: (bytes) => writeAll(source.socket, bytes),
    end: () => void writeAll(source.socket, END_OF_INPUT),
    resize(size) {
      if (isOpen) resizeTerminal(terminal, size.columns, size.rows);
    },
    drain() {
      // Held until now: the kernel drops what was written with the last one who has the slave open.
      if (isOpen) closeSync(terminal.slave);
      isOpen = false;
      source.drain();
    },
  };
}

interface ReaderOptions {
  readonly onread: {
    readonly buffer: Buffer;
    readonly callback: (count: number, buffer: Uint8Array) => boolean;
  };
}

function pipeReader(fd: number, options: ReaderOptions): Socket {
  return new Socket({ fd, readable: true, writable: false, allowHalfOpen: true, ...options });
}

/** A terminal is no pipe to Node. Its module is loaded with the first one. */
function terminalReader(fd: number, options: ReaderOptions): Socket {
  const { ReadStream } = process.getBuiltinModule('node:tty');
  return new ReadStream(fd, { allowHalfOpen: true, ...options });
}

/** One descriptor that is read as fast as its sink takes it, and to its end when nobody writes to it any more. */
class Source {
  readonly socket: Socket;
  readonly #fd: number;
  readonly #sink: (bytes: Buffer) => boolean;

  constructor(
    fd: number,
    sink: (bytes: Buffer) => boolean,
    open: (fd: number, options: ReaderOptions) => Socket,
  ) {
    this.#fd = fd;
    this.#sink = sink;
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const callback = (count: number): boolean => sink(buffer.subarray(0, count));
    this.socket = open(fd, { onread: { buffer, callback } });
    this.socket.on('error', () => undefined);
    this.socket.resume();
  }

  resume(): void {
    if (!this.socket.destroyed) this.socket.resume();
  }

  drain(): void {
    // Its descriptor is closed at once and told of later: by then the number may be another session's.
    if (this.socket.destroyed) return;
    this.socket.pause();
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (let total = 0; total < DRAIN_LIMIT_BYTES;) {
      const count = readNow(this.#fd, buffer);
      if (count === 0) break;
      this.#sink(buffer.subarray(0, count));
      total += count;
    }
    this.socket.destroy();
  }
}

/** 0 at the end, and when nothing is there now. */
function readNow(fd: number, buffer: Buffer): number {
  try {
    return readSync(fd, buffer);
  } catch {
    // EAGAIN: something left behind has it open still. EIO: nobody has the terminal any more.
    return 0;
  }
}
