/** The doors to the outside as types. Everything that reads time, chance or the logger gets one of these handed in. */

/** Time. `now()` is wall-clock milliseconds since the epoch, used as a label and for recorded deadlines. */
export interface Clock {
  now(): number;
  /** Calls back once, at or after the wall-clock time `atMs`; returns the way to cancel. A past time fires soon. */
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
