/** `holdfast sinks`: where events are sent, and how far each place has them. */
import { dataDirectory } from './data-dir.ts';
import { localTime } from './event-line.ts';
import { findAgent } from './find-agent.ts';
import { printable, styled, write } from './output.ts';
import { formatTable, type Column } from './table.ts';
import type { SinkView } from '../api.ts';

export interface SinksOptions {
  readonly dataDir?: string;
  readonly json?: boolean;
}

const COLUMNS: readonly Column<SinkView>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'TYPE', cell: ({ type }) => type },
  {
    title: 'STATE',
    cell: ({ state }) => state,
    style: (padded, { state }) =>
      styled(state === 'delivering' ? 'green' : state === 'failing' ? 'yellow' : 'red', padded),
  },
  { title: 'POSITION', cell: ({ position }) => String(position), isNumber: true },
  { title: 'LAG', cell: ({ lag }) => String(lag), isNumber: true },
  { title: 'TO', cell: ({ to }) => printable(to) },
  {
    title: 'LAST ERROR',
    cell: ({ lastError, lastErrorAt }) =>
      lastError === null ? '-' : `${localTime(lastErrorAt ?? 0)} ${printable(lastError)}`,
  },
];

export async function sinks(options: SinksOptions): Promise<void> {
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  const { sinks: found } = await orchestrator.agent();
  const isJson = options.json === true;
  await write(isJson ? `${JSON.stringify(found, null, 2)}\n` : formatTable(COLUMNS, found));
}
