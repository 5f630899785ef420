import type { GcEntry, GcReport } from '../api.ts';
import { ERROR_CODES } from '../errors.ts';
import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { printable, say, styled, write } from './output.ts';
import { formatTable } from './table.ts';

export interface GcCommandOptions {
  readonly dataDir?: string;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/**
 * `holdfast gc [REF | --all]`: one line for each alloc that goes or would go. Status 1 when files could not be removed,
 * 4 when the one that was named is still being read.
 */
export async function gc(ref: string | undefined, options: GcCommandOptions): Promise<void> {
  const { all = false, dryRun = false } = options;
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  const named = ref === undefined ? {} : { ref };
  const report = await orchestrator.gc({ ...named, all, dryRun });
  const { entries } = report;
  if (!dryRun) {
    if (entries.some(({ outcome }) => outcome === 'stuck')) process.exitCode = 1;
    else if (ref !== undefined && entries.some(({ outcome }) => outcome === 'read')) {
      process.exitCode = ERROR_CODES.WRONG_STATE.exit;
    }
  }
  if (options.json === true) return write(`${JSON.stringify(report, null, 2)}\n`);
  if (entries.length > 0) await write(gcTable(entries));
  say(summary(report, dryRun));
}

function gcTable(entries: readonly GcEntry[]): string {
  const columns = [
    { title: 'ALLOC', cell: (entry: GcEntry) => entry.alloc },
    { title: 'ID', cell: ({ allocId }: GcEntry) => allocId.slice(0, 8) },
    { title: 'STATE', cell: ({ state }: GcEntry) => state },
    { title: 'ENDED', cell: ({ endedAt }: GcEntry) => endedAt ?? '-' },
    { title: 'RULE', cell: ({ rule }: GcEntry) => rule },
    {
      title: 'OUTCOME',
      cell: ({ outcome }: GcEntry) => outcome,
      style: (text: string, { outcome }: GcEntry) =>
        outcome === 'stuck' || outcome === 'read' ? styled('yellow', text) : text,
    },
    { title: 'WHY', cell: ({ reason }: GcEntry) => printable(reason) },
  ];
  return formatTable(columns, entries);
}

function summary({ entries, diskPercent, inodePercent }: GcReport, isDry: boolean): string {
  const wanted = isDry ? 'due' : 'removed';
  const gone = entries.filter(({ outcome }) => outcome === wanted).length;
  const words = isDry ? 'would be removed' : 'removed';
  const disk = `the disk is ${Math.round(diskPercent)}% full, its inodes ${Math.round(inodePercent)}%`;
  return `${gone} ${gone === 1 ? 'alloc' : 'allocs'} ${words}; ${disk}`;
}
