/** The processes of one case, found from outside: hosts by their arguments, shims and programs by their environment. */
import { readdirSync, readFileSync } from 'node:fs';
import { parseProcStat, isDeadState, type ProcStat } from '../../src/os/proc-stat.ts';

export type Role = 'life' | 'executor' | 'logmon' | 'shim' | 'program' | 'other';

export interface CaseProcess {
  readonly pid: number;
  readonly role: Role;
  readonly words: string;
}

/** Every living process that names the case's directory in its arguments or its environment. */
export function processesOf(caseDir: string): readonly CaseProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => look(Number(name), `${caseDir}/`));
}

function look(pid: number, needle: string): CaseProcess[] {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
    const isNamed = words.includes(needle);
    if (!isNamed && !readFileSync(`/proc/${pid}/environ`, 'latin1').includes(needle)) return [];
    const stat = statOf(pid);
    if (stat === undefined || isDeadState(stat.state)) return [];
    return [{ pid, role: roleOf(words), words }];
  } catch {
    // It ended while it was looked at.
    return [];
  }
}

function roleOf(words: string): Role {
  if (words.includes('/life.ts ')) return 'life';
  if (words.includes('--kind=executor')) return 'executor';
  if (words.includes('--kind=logmon')) return 'logmon';
  if (words.includes('/hosts/shim-')) return 'shim';
  return words.includes('witness.pl') ? 'program' : 'other';
}

export function statOf(pid: number): ProcStat | undefined {
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** SIGKILL for each, in an order that lets none of them see another one die: all are stopped first. */
export function killAtOnce(processes: readonly CaseProcess[]): void {
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
    for (const { pid } of processes) send(pid, signal);
  }
}

/** False when there is no such process any more. */
export function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
