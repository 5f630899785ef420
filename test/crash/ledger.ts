/** What the programs themselves wrote down: the only evidence that the agent had no hand in. */
import { readFileSync } from 'node:fs';

export interface LedgerLine {
  readonly is: 'start' | 'end' | 'overlap';
  /** `alloc/task`. */
  readonly task: string;
  readonly launchKey: string;
  readonly pid: number;
}

export interface LedgerStart extends LedgerLine {
  readonly is: 'start' | 'overlap';
  readonly startTime: string;
}

export interface LedgerEnd extends LedgerLine {
  readonly is: 'end';
  readonly exitCode: number;
  /** Lines printed by this run, all of which the kernel has taken. */
  readonly lines: number;
}

export interface Ledger {
  readonly starts: readonly LedgerStart[];
  /** Starts that found an earlier run of the same task alive. */
  readonly overlaps: readonly LedgerStart[];
  readonly ends: readonly LedgerEnd[];
}

export function readLedger(path: string): Ledger {
  const rows = linesOf(path).map((line) => line.split(' '));
  const of = (is: string): readonly string[][] => rows.filter((row) => row[0] === is);
  const head = ([, task = '', launchKey = '', pid]: string[]) => ({
    task,
    launchKey,
    pid: Number(pid),
  });
  const start = (row: string[]) => ({ ...head(row), startTime: row[4] ?? '' });
  return {
    starts: of('start').map((row) => ({ is: 'start', ...start(row) })),
    overlaps: of('overlap').map((row) => ({ is: 'overlap', ...start(row) })),
    ends: of('end').map((row) => ({
      is: 'end',
      ...head(row),
      exitCode: Number(row[4]),
      lines: Number(row[5]),
    })),
  };
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch {
    return [];
  }
}

/** The exit code that follows from a launch key; a task of kind `zero` ends with 0. */
export function derivedCode(launchKey: string): number {
  return 3 + ([...Buffer.from(launchKey)].reduce((sum, byte) => sum + byte, 0) % 100);
}
