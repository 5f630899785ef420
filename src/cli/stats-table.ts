import type { TaskStats } from '../api.ts';
import { formatTable, type Column } from './table.ts';
import { bytesText, memoryBytes, memoryPercent, nameOf, percentText } from './usage-text.ts';

const COLUMNS: readonly Column<TaskStats>[] = [
  { title: 'TASK', cell: nameOf },
  { title: 'RUN', cell: ({ run }) => String(run), isNumber: true },
  { title: 'CPU%', cell: ({ cpu }) => percentText(cpu.percent), isNumber: true },
  { title: 'MEM', cell: (stats) => bytesText(memoryBytes(stats)), isNumber: true },
  { title: 'LIMIT', cell: ({ memory }) => bytesText(memory.limitBytes), isNumber: true },
  { title: 'MEM%', cell: (stats) => percentText(memoryPercent(stats)), isNumber: true },
  { title: 'PIDS', cell: ({ pids }) => String(pids), isNumber: true },
  { title: 'READ', cell: ({ io }) => bytesText(io.readBytes), isNumber: true },
  { title: 'WRITTEN', cell: ({ io }) => bytesText(io.writeBytes), isNumber: true },
  { title: 'THREADS', cell: ({ threads }) => String(threads), isNumber: true },
];

/** By name, so that a line stays where it is. */
export function statsTable(samples: Iterable<TaskStats>): string {
  return formatTable(COLUMNS, [...samples].toSorted(byName));
}

function byName(left: TaskStats, right: TaskStats): number {
  return nameOf(left).localeCompare(nameOf(right)) || left.allocId.localeCompare(right.allocId);
}

/** One sample a line, for a file or a pipe: what was seen, not how it looks. */
export function statsLine(stats: TaskStats): string {
  const values = COLUMNS.slice(1).map((column) => {
    return `${column.title.toLowerCase().replace('%', '_percent')}=${column.cell(stats)}`;
  });
  return `${stats.time} ${nameOf(stats)} ${values.join(' ')}\n`;
}
