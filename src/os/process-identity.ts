import { readFileSync } from 'node:fs';
import { errnoOf, HoldfastError } from '../errors.ts';
import { isDeadState, parseProcStat, type ProcStat } from './proc-stat.ts';

/** The only form in which a pid is stored: a bare number may be another process a moment later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, as in `/proc/<pid>/stat`. */
  readonly startTime: string;
  readonly machineEpoch: string;
}

/** `unknown` is an answer of its own: whoever gets it neither starts nor kills anything. */
export type Life = 'alive' | 'dead' | 'unknown';

/** The process table's line for `pid`: undefined when there is none, 'unknown' when it could not be read. */
export function readProcStat(pid: number): ProcStat | undefined | 'unknown' {
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? 'unknown';
  } catch (error) {
    return hasVanished(error) ? undefined : 'unknown';
  }
}

/** Does an error of reading below `/proc/<pid>` say that the process ended in the meantime? */
export function hasVanished(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ESRCH';
}

/**
 * Is exactly this process alive? `machineEpoch` is the one of now: with another one every pid is void without a look.
 * A zombie is dead.
 */
export function isAlive(identity: ProcessIdentity, machineEpoch: string): Life {
  if (identity.machineEpoch !== machineEpoch) return 'dead';
  const stat = readProcStat(identity.pid);
  if (stat === 'unknown') return 'unknown';
  if (stat === undefined || stat.startTime !== identity.startTime) return 'dead';
  return isDeadState(stat.state) ? 'dead' : 'alive';
}

/** Was it stopped, by SIGSTOP or a debugger? Of no pid that cannot be looked at. */
export function isStopped(pid: number): boolean {
  const stat = readProcStat(pid);
  return stat !== undefined && stat !== 'unknown' && /^[Tt]$/.test(stat.state);
}

/** The identity of the process that asks. Throws INTERNAL where /proc is not mounted, else UNAVAILABLE. */
export function ownIdentity(machineEpoch: string): ProcessIdentity {
  const stat = readProcStat(process.pid);
  if (stat === undefined || stat === 'unknown') {
    const code = stat === undefined ? 'INTERNAL' : 'UNAVAILABLE';
    throw new HoldfastError(code, '/proc/self/stat cannot be read: is /proc mounted?');
  }
  return { pid: process.pid, startTime: stat.startTime, machineEpoch };
}
