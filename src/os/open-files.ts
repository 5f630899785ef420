/** How many files a process may have open at once. */
import { textOf } from './quiet-reads.ts';

/**
 * The limit that holds now: of a process that runs Node its hard one, which Node makes the soft one when it starts.
 * Infinity where it cannot be read.
 */
export function mostOpenFiles(pid: number | 'self'): number {
  const [soft] = limitsIn(textOf(`/proc/${pid}/limits`), 'Max open files');
  return amountOf(soft);
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
