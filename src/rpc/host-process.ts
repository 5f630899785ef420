/**
 * The processes of hosts that this process has started. By posix_spawn(3), because an agent may be large and because
 * Node's own way costs a host that starts another one a megabyte.
 */
import { closeSync, openSync } from 'node:fs';
import { reap, spawnSession, type SessionSpawn } from '../os/libc.ts';

const living = new Set<number>();
let isCounting = false;

/**
 * Starts one whose output goes to the end of the file `log`, and counts it when it ends, so that it is no zombie. Its
 * pid. Throws RESOURCES_EXHAUSTED or INTERNAL; nothing was started then.
 */
export function startHostProcess(program: SessionSpawn, log: string): number {
  const output = openSync(log, 'a', 0o600);
  try {
    const pid = spawnSession({ ...program, output });
    living.add(pid);
    if (!isCounting) process.on('SIGCHLD', count);
    isCounting = true;
    return pid;
  } finally {
    closeSync(output);
  }
}

function count(): void {
  for (const pid of living) if (reap(pid)) living.delete(pid);
}

/** Is it a host of this process that has not been counted? Nobody else may count it. */
export function isOwnHost(pid: number): boolean {
  return living.has(pid);
}

/** A thread that is not the first one hears of no signal, and looks. */
export function hasOwnHostEnded(pid: number): boolean {
  count();
  return !living.has(pid);
}

/** Its pid is nobody else's until it was counted. */
export function killOwnHost(pid: number): void {
  if (living.has(pid)) process.kill(pid, 'SIGKILL');
}
