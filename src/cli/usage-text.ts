/** What a task uses in words that fit into a column. */
import type { TaskStats } from '../api.ts';

const UNITS = ['B', 'K', 'M', 'G', 'T'] as const;

/** Three digits and a unit of 1,024 each: `0B`, `999B`, `1.5K`, `12.3M`, `1.0G`. A dash for what is not known. */
export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined) return '-';
  let value = bytes;
  let unit = 0;
  // 999.95 would be written as 1000.0.
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)}${UNITS[unit]}`;
}

export function percentText(percent: number | undefined): string {
  return percent === undefined ? '-' : percent.toFixed(1);
}

/** What it would cost to have nothing of it: the working set where it is counted, else what its processes hold. */
export function memoryBytes({ memory }: TaskStats): number | undefined {
  return memory.workingSetBytes ?? memory.usageBytes ?? memory.rssBytes;
}

/** Of its limit, in percent. Undefined without one. */
export function memoryPercent(stats: TaskStats): number | undefined {
  const bytes = memoryBytes(stats);
  const { limitBytes } = stats.memory;
  return bytes === undefined || limitBytes === undefined ? undefined : (bytes / limitBytes) * 100;
}

/** Bytes a second between two samples of one run; undefined where one of them does not tell. */
export function ratesBetween(
  before: TaskStats | undefined,
  now: TaskStats,
): { readonly readBytes: number | undefined; readonly writeBytes: number | undefined } {
  const rate = (of: (stats: TaskStats) => number | undefined): number | undefined => {
    const [earlier, later] = [before && of(before), of(now)];
    if (before?.run !== now.run || earlier === undefined || later === undefined) return undefined;
    const seconds = (Date.parse(now.time) - Date.parse(before.time)) / 1_000;
    return seconds <= 0 ? undefined : Math.round(Math.max(0, later - earlier) / seconds);
  };
  return { readBytes: rate(({ io }) => io.readBytes), writeBytes: rate(({ io }) => io.writeBytes) };
}

export function nameOf({ alloc, task }: Pick<TaskStats, 'alloc' | 'task'>): string {
  return `${alloc}/${task}`;
}
