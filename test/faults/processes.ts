/** The processes of a drill, found as a stranger would find them. */
import { readdirSync, readFileSync } from 'node:fs';
import { isDeadState } from '../../src/os/proc-stat.ts';
import { readProcStat } from '../../src/os/process-identity.ts';

/** Living processes, this one left out, whose arguments or environment hold the text. */
export function processesWith(text: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isRunning(pid) && wordsOf(pid).includes(text));
}

/** A zombie does not run. */
export function isRunning(pid: number): boolean {
  const stat = readProcStat(pid);
  return stat !== undefined && stat !== 'unknown' && !isDeadState(stat.state);
}

/** Sends a signal to all of them, again and again until a look finds no others. */
export function signalAll(text: string, signal: NodeJS.Signals): void {
  const reached = new Set<number>();
  for (;;) {
    const others = processesWith(text).filter((pid) => !reached.has(pid));
    if (others.length === 0) return;
    for (const pid of others) {
      reached.add(pid);
      try {
        process.kill(pid, signal);
      } catch {
        // It ended by itself.
      }
    }
  }
}

function wordsOf(pid: number): string {
  try {
    return ['cmdline', 'environ']
      .map((file) => readFileSync(`/proc/${pid}/${file}`, 'latin1'))
      .join('\0');
  } catch {
    return '';
  }
}
