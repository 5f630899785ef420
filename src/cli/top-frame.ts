/** One picture of `top`: what is shown, for a screen of any size. Pure. */
import type { TaskStats, TaskView } from '../api.ts';
import {
  bytesText,
  memoryBytes,
  memoryPercent,
  nameOf,
  percentText,
  type ratesBetween,
} from './usage-text.ts';
import { upOf } from './task-table.ts';

export type SortKey = 'cpu' | 'memory' | 'name';

/** A live task, and what it uses where it runs. */
export interface TopRow {
  readonly view: TaskView;
  readonly stats?: TaskStats | undefined;
  readonly rates?: ReturnType<typeof ratesBetween> | undefined;
}

export interface TopState {
  readonly rows: readonly TopRow[];
  readonly sort: SortKey;
  /** Lines that are passed over. */
  readonly skipped: number;
  readonly columns: number;
  readonly lines: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly intervalText: string;
}

interface TopColumn {
  readonly title: string;
  readonly width: number;
  readonly cell: (row: TopRow, now: number) => string;
  readonly isText?: boolean;
}

const dash = <T>(value: T | undefined, text: (value: T) => string): string =>
  value === undefined ? '-' : text(value);

/** In the order of their worth: what does not fit is left out from the end. */
const COLUMNS: readonly TopColumn[] = [
  { title: 'CPU%', width: 6, cell: ({ stats }) => percentText(stats?.cpu.percent) },
  { title: 'MEM', width: 6, cell: ({ stats }) => bytesText(stats && memoryBytes(stats)) },
  { title: 'STATE', width: 8, isText: true, cell: ({ view }) => view.state },
  { title: 'PIDS', width: 4, cell: ({ stats }) => dash(stats?.pids, String) },
  { title: 'MEM%', width: 5, cell: ({ stats }) => percentText(stats && memoryPercent(stats)) },
  { title: 'READ/s', width: 6, cell: ({ rates }) => bytesText(rates?.readBytes) },
  { title: 'WRITE/s', width: 7, cell: ({ rates }) => bytesText(rates?.writeBytes) },
  { title: 'RUN', width: 3, cell: ({ view }) => String(view.run) },
  { title: 'UP', width: 8, isText: true, cell: ({ view }, now) => upOf(view, now) },
  { title: 'THR', width: 4, cell: ({ stats }) => dash(stats?.threads, String) },
  { title: 'LIMIT', width: 6, cell: ({ stats }) => bytesText(stats?.memory.limitBytes) },
];

const GAP = '  ';
const NAME_MIN = 14;
const NAME_SHARE = 0.3;
/** Title, head and foot. */
const FIXED_LINES = 3;

/** As many lines as the screen has; none longer than it is wide. */
export function topFrame(state: TopState): readonly string[] {
  const { columns, lines } = state;
  const sorted = sortRows(state.rows, state.sort);
  const room = Math.max(1, lines - FIXED_LINES);
  const skipped = Math.min(state.skipped, Math.max(0, sorted.length - room));
  const shown = sorted.slice(skipped, skipped + room);
  const table = tableOf(shown, state);
  const hidden = sorted.length - shown.length;
  const body = [titleOf(state), ...table];
  while (body.length < lines - 1) body.push('');
  return [...body.slice(0, lines - 1), footOf(state, hidden)].map((line) => cut(line, columns));
}

/** How far one can scroll. */
export function mostSkipped({ rows, lines }: Pick<TopState, 'rows' | 'lines'>): number {
  return Math.max(0, rows.length - Math.max(1, lines - FIXED_LINES));
}

export function sortRows(rows: readonly TopRow[], sort: SortKey): readonly TopRow[] {
  const byName = (left: TopRow, right: TopRow): number =>
    nameOf(left.view).localeCompare(nameOf(right.view)) ||
    left.view.allocId.localeCompare(right.view.allocId);
  const value = ({ stats }: TopRow): number => {
    if (stats === undefined) return -1;
    return sort === 'cpu' ? stats.cpu.percent : (memoryBytes(stats) ?? -1);
  };
  return rows.toSorted((left, right) =>
    sort === 'name' ? byName(left, right) : value(right) - value(left) || byName(left, right),
  );
}

function tableOf(rows: readonly TopRow[], { columns, now }: TopState): readonly string[] {
  const wanted = Math.max(4, ...rows.map(({ view }) => nameOf(view).length));
  // Numbers come before long names, and names get what is left.
  const least = Math.min(wanted, Math.max(NAME_MIN, Math.floor(columns * NAME_SHARE)));
  const fitting = columnsFor(columns - least);
  const taken = fitting.reduce((sum, { width }) => sum + width + GAP.length, 0);
  const nameWidth = Math.max(1, Math.min(wanted, columns - taken));
  const line = (name: string, cells: readonly string[]): string =>
    [end(name, nameWidth).padEnd(nameWidth), ...cells].join(GAP).trimEnd();
  const head = fitting.map(({ title, width, isText }) => pad(title, width, isText));
  return [
    line('TASK', head),
    ...rows.map((row) =>
      line(
        nameOf(row.view),
        fitting.map(({ cell, width, isText }) => pad(cell(row, now), width, isText)),
      ),
    ),
  ];
}

function columnsFor(width: number): readonly TopColumn[] {
  const fitting: TopColumn[] = [];
  let left = width;
  for (const column of COLUMNS) {
    left -= column.width + GAP.length;
    if (left < 0) break;
    fitting.push(column);
  }
  return fitting;
}

function titleOf({ rows, now, intervalText, columns }: TopState): string {
  const measured = rows.flatMap(({ stats }) => stats ?? []);
  const cpu = measured.reduce((sum, stats) => sum + stats.cpu.percent, 0);
  const memory = measured.reduce((sum, stats) => sum + (memoryBytes(stats) ?? 0), 0);
  const others = rows.length - measured.length;
  const text = [
    `${measured.length} running${others > 0 ? `, ${others} not` : ''}`,
    `CPU ${percentText(cpu)}%`,
    `MEM ${bytesText(memory)}`,
  ].join(GAP);
  const right = `${intervalText}${GAP}${new Date(now).toTimeString().slice(0, 8)}`;
  const gap = columns - text.length - right.length;
  return gap >= GAP.length ? `${text}${' '.repeat(gap)}${right}` : text;
}

function footOf({ sort, columns }: TopState, hidden: number): string {
  const keys = (['cpu', 'memory', 'name'] as const).map((key) => (key === sort ? `[${key}]` : key));
  const more = hidden > 0 ? `${GAP}${hidden} more: arrows` : '';
  const long = `c m n sort by ${keys.join(' ')}${GAP}q quit${more}`;
  return long.length <= columns
    ? long
    : `by ${sort}: c m n${GAP}q quit${hidden > 0 ? ' +' : ''}${hidden || ''}`;
}

function pad(text: string, width: number, isText?: boolean): string {
  const short = text.length > width ? `${text.slice(0, width - 1)}…` : text;
  return isText === true ? short.padEnd(width) : short.padStart(width);
}

/** Names of one group differ at their end. */
function end(name: string, width: number): string {
  return name.length > width ? `…${name.slice(name.length - width + 1)}` : name;
}

function cut(line: string, columns: number): string {
  return line.length > columns ? line.slice(0, columns) : line;
}
