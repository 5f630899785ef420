/** How many files a process may have open at once. */
import { HoldfastError } from '../errors.ts';
import { namesIn, textOf } from './quiet-reads.ts';

/**
 * The limit that holds now: of a process that runs Node its hard one, which Node makes the soft one when it starts.
 * Infinity where it cannot be read.
 */
export function mostOpenFiles(pid: number | 'self'): number {
  const [soft] = limitsIn(textOf(`/proc/${pid}/limits`), 'Max open files');
  return amountOf(soft);
}

/** What an agent has open with some hosts, or a host with a few tasks, and `FOR_WORK`. */
const FEWEST = 48;
/** Files that are open for a moment, and who talks to this process: without them it can neither look nor be told. */
const FOR_WORK = 10;

/** Throws RESOURCES_EXHAUSTED when one more connection that stays would leave too few files for its work. */
export function keepFilesForWork(): void {
  const most = mostOpenFiles('self');
  const open = namesIn('/proc/self/fd').length;
  if (open + FOR_WORK < most) return;
  const text = `${open} of the ${most} files are open that this process may have: raise ulimit -n`;
  throw new HoldfastError('RESOURCES_EXHAUSTED', text);
}

/** Throws RESOURCES_EXHAUSTED, not retryable, when this process may open too few files to be an agent. */
export function refuseFewFiles(): void {
  const most = mostOpenFiles('self');
  if (most >= FEWEST) return;
  const text = `an agent needs at least ${FEWEST} open files, 1024 for many tasks, and may have ${most}: raise ulimit -n`;
  throw new HoldfastError('RESOURCES_EXHAUSTED', text, { retryable: false });
}

/** What /proc/<pid>/limits says under a title, as it stands there. */
export function limitsIn(text: string, title: string): readonly [soft: string, hard: string] {
  const line = text.split('\n').find((one) => one.startsWith(title)) ?? '';
  const [soft, hard] = line.slice(title.length).trim().split(/\s+/);
  return [soft || 'unlimited', hard ?? 'unlimited'];
}

export function amountOf(limit: string): number {
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit);
}
