import { constants } from 'node:os';

/** What a shim wrote when its program ended. */
export interface ExitRecord {
  /** 0-255, or null for a program that a signal ended. */
  readonly exitCode: number | null;
  /** Name of the signal ("SIGTERM"), or null for a program that exited by itself. */
  readonly signal: string | null;
  /** The program could not be executed; `exitCode` says why as a shell would (126 or 127). */
  readonly execFailed: boolean;
}

const NAMES_OF_SIGNALS = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name]),
);
// Aliases share a number; these are the names that everybody uses.
for (const name of ['SIGABRT', 'SIGIO', 'SIGCHLD'] as const) {
  NAMES_OF_SIGNALS.set(constants.signals[name], name);
}

/** The name of a signal number; "SIG34" for those without one. */
export function signalName(number: number): string {
  return NAMES_OF_SIGNALS.get(number) ?? `SIG${number}`;
}

/**
 * Reads the text of an `exit` file; undefined for a record that is not whole. It begins with `code N` and ends with
 * a line `.`, which blanks may follow; between them stand `exec-failed`, the shell's own words about its job, which
 * alone tell `exit 137` from SIGKILL ("Done(137)" against "Killed"), and the code `again`: a number that rots is no
 * exit code. Records of the first release lack that.
 */
export function parseExitRecord(text: string): ExitRecord | undefined {
  if (!/\n\.\n\s*$/.test(text)) return undefined;
  const lines = text.split('\n');
  const waited = /^code (\d{1,3})$/.exec(lines[0] ?? '')?.[1];
  const again = lines.find((line) => line.startsWith('again'));
  if (waited === undefined || (again !== undefined && again !== `again ${waited}`))
    return undefined;
  const done = doneCode(lines);
  const code = done ?? Number(waited);
  if (code > 255) return undefined;
  // A signal may come before the program is executed; that is an end by a signal, not a failed exec.
  if (code <= 128 && lines.includes('exec-failed')) {
    return { exitCode: code, signal: null, execFailed: true };
  }
  if (code > 128 && done === undefined) {
    return { exitCode: null, signal: signalName(code - 128), execFailed: false };
  }
  return { exitCode: code, signal: null, execFailed: false };
}

/**
 * What an OCI runtime told, 0-255: 128 + n is taken for signal n where n is one, as Nomad's executor does, and then
 * cannot be told from a program that exits with that code.
 */
export function exitOfContainer(code: number): ExitRecord {
  const signal = code > 128 && code <= 128 + LAST_SIGNAL ? signalName(code - 128) : null;
  return { exitCode: signal === null ? code : null, signal, execFailed: false };
}

/** SIGRTMAX. */
const LAST_SIGNAL = 64;

/** `[1] + Done(137)   …`, `[1] + Done   …`, in bash also `[1]+  Exit 137   …`. It outranks what `wait` said. */
function doneCode(lines: readonly string[]): number | undefined {
  for (const line of lines) {
    const done = /^\[\d+\]\s*[+-]?\s*(?:Done\b(?:\((\d+)\))?|Exit (\d+))/.exec(line);
    if (done !== null) return Number(done[1] ?? done[2] ?? 0);
  }
  return undefined;
}
