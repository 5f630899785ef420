/** Output of tasks line by line, for people and for machines. */
import { isUtf8 } from 'node:buffer';
import { type Line, LineSplitter } from '../output/lines.ts';
import type { LogChunk, LogGap } from '../api.ts';

/** Whose output it is. */
export interface LoggedTask {
  readonly alloc: string;
  readonly task: string;
}

/** A line, or a gap: then the chunk tells of it. */
export interface LogItem {
  readonly of: LoggedTask;
  readonly chunk: LogChunk;
  readonly line: Line<LogChunk> | undefined;
  /** The place behind it. */
  readonly place: { readonly cursor: string };
}

/** What ends with each chunk, and behind the last one what was never ended. */
export async function* logItems(
  of: LoggedTask,
  chunks: AsyncIterable<LogChunk>,
): AsyncGenerator<readonly LogItem[], void, undefined> {
  const splitter = new LineSplitter<LogChunk>();
  const toItem = (line: Line<LogChunk>): LogItem => ({ of, chunk: line.of, line, place: line });
  for await (const chunk of chunks) {
    const items = Array.from(splitter.push(chunk), toItem);
    const place = { cursor: splitter.cursor };
    if (chunk.gap !== undefined) items.push({ of, chunk, line: undefined, place });
    if (items.length > 0) yield items;
  }
  const last = Array.from(splitter.flush(), toItem);
  if (last.length > 0) yield last;
}

/** One object a line, for a gap too; bytes that are no UTF-8 as base64. */
export function logJson({ of: { alloc, task }, chunk, line, place: { cursor } }: LogItem): string {
  const { time, run, stream, gap } = chunk;
  const facts = { time, alloc, task, run, stream };
  if (line === undefined) return `${JSON.stringify({ ...facts, gap, cursor })}\n`;
  const bytes = Buffer.from(line.data);
  const content = isUtf8(bytes) ? { line: String(bytes) } : { data: bytes.toString('base64') };
  const partial = line.isPartial ? { partial: true } : {};
  return `${JSON.stringify({ ...facts, ...content, ...partial, cursor })}\n`;
}

export interface LineStyle {
  readonly hasTime: boolean;
  /** Columns of the longest name of a task; undefined: no name. */
  readonly nameWidth: number | undefined;
}

const NEWLINE = Buffer.from('\n');
const NO_TIME = '-'.padEnd('2026-01-02T03:04:05.678Z'.length);

/** The bytes of lines as they are, behind time and name, with a newline whether they had one or not. */
export function logLines(items: readonly LogItem[], style: LineStyle): Uint8Array {
  const parts: Uint8Array[] = [];
  let prefix: Uint8Array | undefined;
  let before: LogItem | undefined;
  for (const item of items) {
    if (item.line === undefined) continue;
    if (prefix === undefined || before?.chunk !== item.chunk) prefix = prefixOf(item, style);
    parts.push(prefix, item.line.data, NEWLINE);
    before = item;
  }
  return Buffer.concat(parts);
}

function prefixOf({ of, chunk }: LogItem, { hasTime, nameWidth }: LineStyle): Uint8Array {
  const time = hasTime ? `${chunk.time ?? NO_TIME} ` : '';
  const name = nameWidth === undefined ? '' : `${of.task.padEnd(nameWidth)} | `;
  return Buffer.from(`${time}${name}`);
}

const REASONS: Readonly<Record<LogGap['reason'], string>> = {
  rotated: 'rotated away',
  budget: 'removed to keep all logs within their budget',
  'disk-full': 'thrown away while the disk took no more',
  damaged: 'a compressed file is damaged',
  removed: 'somebody removed, replaced or cut a file of it',
};

export function gapText({ alloc, task }: LoggedTask, stream: string, gap: LogGap): string {
  const amount = gap.bytes === null ? 'a part' : `${gap.bytes} bytes`;
  const are = gap.bytes === null ? 'is' : 'are';
  return `holdfast: ${amount} of the ${stream} of ${alloc}/${task} ${are} missing here: ${REASONS[gap.reason]}`;
}
