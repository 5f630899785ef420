import { storeSummary, type StoreSummary } from '../doctor/store-summary.ts';
import { sizeText } from '../doctor/finding.ts';
import { write } from './output.ts';
import { storePlace, type StoreOptions } from './store-path.ts';
import { formatTable } from './table.ts';

/** `holdfast store info`: what a store is and what is in it. */
export async function storeFacts(options: StoreOptions): Promise<void> {
  const summary = storeSummary(storePlace(options));
  await write(options.json === true ? `${JSON.stringify(summary, null, 2)}\n` : factsText(summary));
}

export function factsText(summary: StoreSummary): string {
  const { lastAgent, lockedBy, aside } = summary;
  const facts: readonly (readonly [string, string])[] = [
    ['store', summary.path],
    ['id', summary.storeId ?? 'unknown'],
    ['version', String(summary.version)],
    ['size', `${sizeText(summary.sizeBytes)}, write-ahead log ${sizeText(summary.walBytes)}`],
    ['head', `${summary.head}, oldest ${summary.oldest}`],
    ['events', `${summary.events} in ${summary.streams} streams, ${summary.removed} removed`],
    ['snapshots', String(summary.snapshots)],
    [
      'agents',
      lastAgent === null ? 'none yet' : `${summary.agents}, the last: ${agentText(lastAgent)}`,
    ],
    [
      'lock',
      lockedBy === null
        ? 'free'
        : `held by ${lockedBy === 0 ? 'another pid namespace' : `pid ${lockedBy}`}`,
    ],
    ['faults', summary.faults === 0 ? 'none' : `${summary.faults}: holdfast store verify`],
    ...aside.map(({ name, sizeBytes }) => ['aside', `${name}, ${sizeText(sizeBytes)}`] as const),
  ];
  const lines = facts.map(([key, value]) => `${key.padEnd(9)}  ${value}\n`).join('');
  return summary.eventsByType.length === 0 ? lines : `${lines}\n${typeTable(summary.eventsByType)}`;
}

function agentText({
  agentEpoch,
  version,
  pid,
  startedAt,
}: NonNullable<StoreSummary['lastAgent']>) {
  return `epoch ${agentEpoch}, version ${version}, pid ${pid}, since ${startedAt}`;
}

function typeTable(counts: StoreSummary['eventsByType']): string {
  return formatTable(
    [
      { title: 'TYPE', cell: ({ type }) => type },
      { title: 'EVENTS', cell: ({ events }) => String(events), isNumber: true },
    ],
    counts,
  );
}
