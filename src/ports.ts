/** The doors to the outside as types. Everything that reads time, chance or the logger gets one of these handed in. */

/** Time, twice: one for people to read, one that nobody can turn. */
export interface Clock {
  /** Wall-clock milliseconds since the epoch: a label, never an order and never a deadline. */
  now(): number;
  /**
   * Milliseconds that only ever go forward at the pace of time, whatever becomes of the wall clock, and go on where an
   * agent before left off while the machine runs. Every recorded deadline is one of these.
   */
  steady(): number;
  /** Calls back once, at or after the steady time `atMs`; returns the way to cancel. A past time fires soon. */
  at(atMs: number, wake: () => void): () => void;
}

/** Chance. Both go into events, so that a replay never draws again. */
export interface Random {
  /** A number in [0, 1). */
  fraction(): number;
  /** `bytes` random bytes as lower-case hexadecimal. */
  hex(bytes: number): string;
}

/** Fits pino, bunyan and console-like loggers: object first. Silent unless one is given. */
export interface Logger {
  debug(facts: object, message?: string): void;
  info(facts: object, message?: string): void;
  warn(facts: object, message?: string): void;
  error(facts: object, message?: string): void;
}

export interface Abortable {
  readonly signal?: AbortSignal;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Resolves at the steady time `atMs`; rejects with the abort's reason when `signal` comes first. */
export function pause(clock: Clock, atMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stop = (): void => {
      cancel();
      reject(signal.reason as Error);
    };
    const cancel = clock.at(atMs, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}
