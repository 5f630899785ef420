/** Output of tasks line by line, for people and for machines. */
import { isUtf8 } from 'node:buffer';
import { type Line, LineSplitter } from '../output/lines.ts';
import type { LogChunk, LogGap } from '../api.ts';

/** Whose output it is. */
export interface LoggedTask {
  readonly alloc: string;
  readonly task: string;
}

/** A line, or a gap in front of the next one. */
export interface LogItem {
  readonly of: LoggedTask;
  readonly chunk: LogChunk;
  /** Undefined: the chunk tells of a gap. */
  readonly line: Line<LogChunk> | undefined;
  readonly cursor: string;
}

export async function* logItems(
  of: LoggedTask,
  chunks: AsyncIterable<LogChunk>,
): AsyncGenerator<LogItem, void, undefined> {
  const splitter = new LineSplitter<LogChunk>();
  const toItem = (line: Line<LogChunk>): LogItem => ({
    of,
    chunk: line.of,
    line,
    cursor: line.cursor,
  });
  for await (const chunk of chunks) {
    for (const line of splitter.push(chunk)) yield toItem(line);
    if (chunk.gap !== undefined) yield { of, chunk, line: undefined, cursor: splitter.cursor };
  }
  for (const line of splitter.flush()) yield toItem(line);
}

/** One object a line, for a gap too; bytes that are no UTF-8 as base64. */
export function logJson({ of: { alloc, task }, chunk, line, cursor }: LogItem): string {
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

const NO_TIME = '-'.padEnd('2026-01-02T03:04:05.678Z'.length);

/** The bytes of a line as they are, behind time and name, with a newline whether it had one or not. */
export function logLine({ of, chunk }: LogItem, data: Uint8Array, style: LineStyle): Uint8Array {
  const time = style.hasTime ? `${chunk.time ?? NO_TIME} ` : '';
  const name = style.nameWidth === undefined ? '' : `${of.task.padEnd(style.nameWidth)} | `;
  return Buffer.concat([Buffer.from(`${time}${name}`), data, Buffer.from('\n')]);
}

const REASONS: Readonly<Record<LogGap['reason'], string>> = {
  rotated: 'rotated away',
  budget: 'removed to keep all logs within their budget',
  'disk-full': 'thrown away while the disk took no more',
  damaged: 'a compressed file is damaged',
};

export function gapText({ alloc, task }: LoggedTask, stream: string, gap: LogGap): string {
  const amount = gap.bytes === null ? 'a part' : `${gap.bytes} bytes`;
  const are = gap.bytes === null ? 'is' : 'are';
  return `holdfast: ${amount} of the ${stream} of ${alloc}/${task} ${are} missing here: ${REASONS[gap.reason]}`;
}
