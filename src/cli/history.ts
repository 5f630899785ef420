import { HoldfastError } from '../errors.ts';
import { dataDirectory } from './data-dir.ts';
import { localTime } from './event-line.ts';
import { findAgent } from './find-agent.ts';
import { position } from './inspect.ts';
import { printable, styled, write } from './output.ts';
import { formatTable, type Column } from './table.ts';
import type { HistoryEntry, NomadTaskEvent } from '../api.ts';

export interface HistoryOptions {
  readonly dataDir?: string;
  readonly all?: boolean;
  readonly at?: string;
  readonly nomad?: boolean;
  readonly json?: boolean;
}

/** `holdfast history REF`: oldest first. */
export async function history(ref: string, options: HistoryOptions): Promise<void> {
  const [alloc = '', task] = ref.split('/');
  if (options.nomad === true && task === undefined) {
    throw new HoldfastError('USAGE', `--nomad is about a task: ${alloc}/TASK`);
  }
  const at = options.at === undefined ? Infinity : position(options.at);
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  // Refuses what is ahead, or gone.
  if (at !== Infinity) await orchestrator.inspect(ref, { at });
  const isThen = (row: { readonly position: number }): boolean => row.position <= at;
  const print = async <Row>(rows: readonly Row[], columns: readonly Column<Row>[]): Promise<void> =>
    write(
      options.json === true ? `${JSON.stringify(rows, null, 2)}\n` : formatTable(columns, rows),
    );
  if (options.nomad === true && task !== undefined) {
    // Of whatever the name means at this moment, and not of what it may mean at the next.
    const { allocId } = await orchestrator.inspect(ref);
    const handle = (await orchestrator.alloc(allocId)).task(task);
    return print((await handle.nomadEvents({ all: true })).filter(isThen), NOMAD);
  }
  const entries = (await orchestrator.history(ref)).filter(isThen);
  await print(options.all === true ? entries : entries.filter(isWorthTelling), COLUMNS);
}

/** Changes of state, and what people ask about though it changed none. */
export function isWorthTelling({ from, to, type }: HistoryEntry): boolean {
  return from !== to || to === null || NOTABLE.has(type);
}

const NOTABLE = new Set(['HookFailed', 'TaskSignaled', 'TaskStuck', 'TaskReattached']);

export const COLUMNS: readonly Column<HistoryEntry>[] = [
  { title: 'POSITION', cell: ({ position }) => String(position), isNumber: true },
  { title: 'TIME', cell: ({ time }) => localTime(time) },
  { title: 'TASK', cell: ({ task }) => task ?? '-' },
  { title: 'RUN', cell: ({ run }) => (run === 0 ? '-' : String(run)), isNumber: true },
  {
    title: 'STATE',
    cell: ({ type, from, to }) =>
      type.startsWith('Command')
        ? '-'
        : from === to
          ? (to ?? '?')
          : `${from ?? '?'} → ${to ?? '?'}`,
    style: (padded, { from, to }) => (from === to ? styled('dim', padded) : padded),
  },
  { title: 'WHAT HAPPENED', cell: ({ text }) => printable(text) },
];

const NOMAD: readonly Column<NomadTaskEvent>[] = [
  { title: 'POSITION', cell: ({ position }) => String(position), isNumber: true },
  { title: 'TIME', cell: ({ time }) => localTime(time) },
  { title: 'TYPE', cell: ({ type }) => type },
  { title: 'DESCRIPTION', cell: ({ displayMessage }) => printable(displayMessage) },
];
