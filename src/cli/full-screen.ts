/** The whole terminal for one command, and the terminal as it was when the command ends, however it ends. */
import { writeSync } from 'node:fs';
import { HoldfastError } from '../errors.ts';

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
/** Of signals that end a command: those of a terminal that closes, of `kill`, and of Ctrl-C from elsewhere. */
const ENDS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export class FullScreen implements Disposable {
  readonly #onExit = (): void => this[Symbol.dispose]();
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this[Symbol.dispose]();
    process.exit(128 + ENDS[signal as keyof typeof ENDS]);
  };
  readonly #onKey: (data: string) => void;
  readonly #onResize: () => void;
  #isOpen = true;

  /** Throws USAGE where there is no terminal. `onKey` hears what is typed, a special key as its sequence. */
  constructor(onKey: (keys: string) => void, onResize: () => void) {
    if (!process.stdin.isTTY || !process.stdout.isTTY) {
      throw new HoldfastError('USAGE', 'this needs a terminal: use "holdfast stats" elsewhere');
    }
    this.#onKey = onKey;
    this.#onResize = onResize;
    process.on('exit', this.#onExit);
    for (const signal of Object.keys(ENDS)) process.on(signal, this.#onSignal);
    process.stdin.setRawMode(true).setEncoding('utf8').resume().on('data', this.#onKey);
    process.stdout.on('resize', this.#onResize);
    writeSync(process.stdout.fd, ENTER);
  }

  get size(): { readonly columns: number; readonly lines: number } {
    // A terminal that does not know its size says 0.
    return { columns: process.stdout.columns || 80, lines: process.stdout.rows || 24 };
  }

  /** Written over what stands there, so that nothing flickers. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    process.stdout.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`);
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off('exit', this.#onExit);
    for (const signal of Object.keys(ENDS)) process.off(signal, this.#onSignal);
    process.stdin.off('data', this.#onKey).pause();
    process.stdout.off('resize', this.#onResize);
    try {
      process.stdin.setRawMode(false);
      // At once: the process may be about to end.
      writeSync(process.stdout.fd, LEAVE);
    } catch {
      // The terminal is gone.
    }
  }
}
