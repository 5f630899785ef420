/** What `/proc/<pid>/stat` says about a process, as far as identity and family need it. */
export interface ProcStat {
  readonly pid: number;
  /** One letter of the kernel: R, S, D, T, Z, X … */
  readonly state: string;
  readonly parentPid: number;
  readonly processGroup: number;
  readonly session: number;
  /** Clock ticks since boot, field 22. A string: it is compared, never computed with. */
  readonly startTime: string;
}

/**
 * Reads one line of `/proc/<pid>/stat`; undefined for anything that is not one. The command name may hold spaces,
 * brackets and newlines, so that only the last `)` ends it.
 */
export function parseProcStat(text: string): ProcStat | undefined {
  const nameEnd = text.lastIndexOf(')');
  if (nameEnd < 0) return undefined;
  const pid = Number.parseInt(text, 10);
  const [state, ...rest] = text
    .slice(nameEnd + 1)
    .trim()
    .split(/\s+/);
  const [parentPid, processGroup, session] = rest.slice(0, 3).map(Number);
  const startTime = rest[18];
  if (state === undefined || !/^[A-Za-z]$/.test(state)) return undefined;
  if (startTime === undefined || !/^\d+$/.test(startTime)) return undefined;
  if (parentPid === undefined || processGroup === undefined || session === undefined) {
    return undefined;
  }
  if (![pid, parentPid, processGroup, session].every(Number.isInteger)) return undefined;
  return { pid, state, parentPid, processGroup, session, startTime };
}

/** A zombie has ended: it only waits to be counted. The kernel's `kill(pid, 0)` would call it alive. */
export function isDeadState(state: string): boolean {
  return state === 'Z' || state === 'X' || state === 'x';
}
