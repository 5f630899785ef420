/**
 * `offsets-play.ts LENGTHS`: one stream writer after the other on a FIFO, with a line that ends at every offset around the
 * limit of a segment, for so many lengths of lines, written in pieces of all kinds. Prints a line of JSON: how many were
 * tried, and what was wrong.
 */
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync } from 'node:fs';
import { readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFifo } from '../../src/os/libc.ts';
import { segmentNumbers, segmentPath } from '../../src/output/segments.ts';
import { openFifo, PipeBudget } from '../../src/processes/logmon-host/fifo.ts';
import { StreamWriter } from '../../src/processes/logmon-host/stream-writer.ts';
import { openWorkshop } from '../../src/processes/logmon-host/workshop.ts';

/** The second is so large that most of it is moved without being looked at. */
const LIMITS = [4_096, 70_000];
const AROUND = 64;
/** Lines up to this are never cut, as it is promised. */
const holdOf = (limit: number): number => Math.min(32_768, limit / 2);
/** A longer line cannot be seen at once. */
const WINDOW_BYTES = 65_536;
const LENGTHS: readonly ((limit: number) => number)[] = [
  () => 64,
  () => 1,
  holdOf,
  (limit) => limit,
  () => 2,
  () => 65,
  (limit) => holdOf(limit) - 1,
  (limit) => holdOf(limit) + 1,
  (limit) => limit - 1,
  (limit) => limit + 1,
  () => 1_000,
  (limit) => Math.min(limit, WINDOW_BYTES) - AROUND,
  (limit) => 3 * limit,
];

interface Case {
  readonly limit: number;
  readonly offset: number;
  readonly length: number;
  readonly pieces: keyof typeof PIECES;
}

/** Where the stream is cut into writes. */
const PIECES = {
  whole: () => [],
  'at the limit': (limit: number) => [limit],
  'beside the limit': (limit: number) => [limit - 1, limit + 1],
  'in the lines': (limit: number, lineEnds: readonly number[]) =>
    lineEnds.filter((end) => Math.abs(end - limit) < 2 * AROUND).flatMap((end) => [end - 1, end]),
  'byte by byte': (limit: number) =>
    Array.from({ length: 2 * AROUND }, (_one, index) => limit - AROUND + index),
} as const;

/** Lines of 40 bytes, one of `length` that ends `offset` behind the limit, and three more of that length. */
function linesOf({ limit, offset, length }: Case): readonly string[] {
  const filler = Math.max(0, limit + offset - length);
  const lengths = Array.from({ length: Math.floor(filler / 40) }, () => 40);
  if (filler % 40 > 0) lengths.push(filler % 40);
  return [...lengths, length, length, length, length].map(
    (bytes, index) =>
      `${String(index)
        .padEnd(bytes - 1, '.')
        .slice(0, bytes - 1)}\n`,
  );
}

const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'hf-offsets-'));
// A line that is waited for is waited for until it comes: no case depends on how fast this machine is.
Object.defineProperty(performance, 'now', { value: () => 0 });
const shop = openWorkshop('/dev/null', () => undefined);
const faults: string[] = [];
let cases = 0;
for (const limit of LIMITS) {
  for (const lengthOf of LENGTHS.slice(0, Number(process.argv[2] ?? LENGTHS.length))) {
    for (let offset = -AROUND; offset <= AROUND; offset += 1) {
      for (const pieces of Object.keys(PIECES) as (keyof typeof PIECES)[]) {
        await attempt({ limit, offset, length: lengthOf(limit), pieces });
      }
    }
  }
}
rmSync(dir, { recursive: true });
process.stdout.write(`${JSON.stringify({ count: cases, faults })}\n`);
process.exit();

async function attempt(one: Case): Promise<void> {
  cases += 1;
  const lines = linesOf(one);
  const own = join(dir, String(cases));
  mkdirSync(own);
  const segments = await collected(own, one, lines);
  rmSync(own, { recursive: true });
  const fault = faultIn(segments, lines, one);
  if (fault !== undefined && faults.length < 20) faults.push(`${JSON.stringify(one)}: ${fault}`);
}

async function collected(
  own: string,
  { limit, pieces }: Case,
  lines: readonly string[],
): Promise<readonly string[]> {
  const fifo = join(own, 'fifo');
  makeFifo(fifo);
  const hold = openSync(fifo, 'r+');
  const fd = await openFifo(fifo);
  new PipeBudget().widen(fd);
  const series = { dir: own, stem: 'web', stream: 'stdout' } as const;
  const writer = new StreamWriter(fd, { ...series, maxFiles: 1_000, maxFileBytes: limit }, shop);
  const text = lines.join('');
  let end = 0;
  const ends = lines.map((line) => (end += line.length));
  const cuts = PIECES[pieces](limit, ends).filter((at) => at > 0 && at < text.length);
  let from = 0;
  for (const to of [...new Set([...cuts, text.length])].toSorted((left, right) => left - right)) {
    writeSync(hold, text.slice(from, to));
    while (writer.turn().end === 'more');
    from = to;
  }
  while (writer.turn(true).end === 'more');
  await writer.close();
  closeSync(hold);
  return segmentNumbers(readdirSync(own), series).map((number) =>
    readFileSync(segmentPath(series, number), 'latin1'),
  );
}

/** What src/processes/logmon-host/rotation.ts promises, said in another way. */
function faultIn(
  segments: readonly string[],
  lines: readonly string[],
  { limit, pieces }: Case,
): string | undefined {
  if (segments.join('') !== lines.join('')) return 'the bytes are not the same';
  for (const [index, segment] of segments.entries()) {
    if (segment.length > limit) return `segment ${index} has ${segment.length} bytes`;
    const next = segments[index + 1];
    if (next === undefined) break;
    if (!segment.endsWith('\n')) {
      const cut = lineAround(lines, segments.slice(0, index + 1).join('').length);
      const keptBytes = pieces === 'whole' ? Math.min(limit, WINDOW_BYTES) : holdOf(limit);
      if (cut <= keptBytes) return `a line of ${cut} bytes is cut behind segment ${index}`;
    } else if (segment.length + next.indexOf('\n') + 1 <= limit && next.includes('\n')) {
      return `segment ${index} ends at ${segment.length}, and the next line would fit`;
    }
  }
  return undefined;
}

/** The length of the line in which this place is. */
function lineAround(lines: readonly string[], place: number): number {
  let end = 0;
  return lines.find((line) => (end += line.length) > place)?.length ?? 0;
}
