/** The terminal of this command as that of another: every key is passed on, and it is as before when this ends. */

/** Of signals that end a command, also one whose keys are somebody else's. */
const ENDS = { SIGHUP: 1, SIGTERM: 15 } as const;

export class RawTerminal implements Disposable {
  readonly #onExit = (): void => this[Symbol.dispose]();
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this[Symbol.dispose]();
    process.exit(128 + ENDS[signal as keyof typeof ENDS]);
  };
  /** Whoever stopped and continued this process has set the terminal as he wanted it. */
  readonly #onContinue = (): void => {
    setRaw(true);
    this.#onResize();
  };
  readonly #onResize: () => void;
  #isOpen = true;

  /** Standard input must be a terminal. */
  constructor(onResize: () => void) {
    this.#onResize = onResize;
    process.on('exit', this.#onExit);
    process.on('SIGCONT', this.#onContinue);
    for (const signal of Object.keys(ENDS)) process.on(signal, this.#onSignal);
    process.stdout.on('resize', this.#onResize);
    setRaw(true);
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off('exit', this.#onExit);
    process.off('SIGCONT', this.#onContinue);
    for (const signal of Object.keys(ENDS)) process.off(signal, this.#onSignal);
    process.stdout.off('resize', this.#onResize);
    setRaw(false);
  }
}

function setRaw(isRaw: boolean): void {
  try {
    process.stdin.setRawMode(isRaw);
  } catch {
    // The terminal is gone.
  }
}

/** A terminal that does not know its size says 0. */
export function terminalSize(): { readonly columns: number; readonly rows: number } {
  return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
}
