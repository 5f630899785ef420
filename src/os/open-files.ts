/** How many files a process may have open at once. */
import { HoldfastError } from '../errors.ts';
import { textOf } from './quiet-reads.ts';

/**
 * The limit that holds now: of a process that runs Node its hard one, which Node makes the soft one when it starts.
 * Infinity where it cannot be read.
 */
export function mostOpenFiles(pid: number | 'self'): number {
  const [soft] = limitsIn(textOf(`/proc/${pid}/limits`), 'Max open files');
  return amountOf(soft);
}

/** What an agent has open with one host of each kind, or a host with one task, and a few for a moment. */
const FEWEST = 40;

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
