/** What `/proc/<pid>` says about what one process uses. */
import { kernelText, type ReadText } from './kernel-text.ts';
import type { IoUse, ProcessUse } from './usage.ts';

/** The kernel tells times of processes in hundredths of a second to every program, whatever its own clock is. */
const TICK_NS = 10_000_000;

/** A process and its family. */
export interface SeenProcess extends ProcessUse {
  readonly state: string;
  readonly parentPid: number;
  readonly processGroup: number;
  readonly session: number;
}

/** One line of `/proc/<pid>/stat`, proc(5); undefined for anything that is not one. */
export function parseProcessUse(text: string, pageBytes: number): SeenProcess | undefined {
  const nameBegin = text.indexOf('(');
  const nameEnd = text.lastIndexOf(')');
  if (nameBegin < 0 || nameEnd < nameBegin) return undefined;
  const fields = text.slice(nameEnd + 2).split(' ');
  // Field 3 of the manual is the first behind the name.
  const field = (number: number): number => Number(fields[number - 3]);
  const startTime = fields[22 - 3];
  if (startTime === undefined || !Number.isInteger(field(24))) return undefined;
  return {
    pid: Number.parseInt(text, 10),
    startTime,
    command: text.slice(nameBegin + 1, nameEnd),
    state: fields[0] as string,
    parentPid: field(4),
    processGroup: field(5),
    session: field(6),
    userNs: field(14) * TICK_NS,
    systemNs: field(15) * TICK_NS,
    endedChildrenUserNs: field(16) * TICK_NS,
    endedChildrenSystemNs: field(17) * TICK_NS,
    threads: field(20),
    rssBytes: field(24) * pageBytes,
  };
}

const IO = /^read_bytes: (\d+)\nwrite_bytes: (\d+)\ncancelled_write_bytes: (\d+)$/m;

/** `/proc/<pid>/io`: what it and its ended children had devices do. A write that was taken back does not count. */
export function parseProcessIo(text: string): IoUse {
  const [, read, written, cancelled] = IO.exec(text) ?? [];
  if (read === undefined) return {};
  return { readBytes: Number(read), writeBytes: Math.max(0, Number(written) - Number(cancelled)) };
}

export function readProcessUse(
  pid: number,
  pageBytes: number,
  read: ReadText = kernelText,
): SeenProcess | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseProcessUse(text, pageBytes);
}

/** Sums; undefined where one process does not tell: half of a sum is a wrong number. */
export function sumIo(pids: readonly number[], read: ReadText = kernelText): IoUse {
  let readBytes: number | undefined = 0;
  let writeBytes: number | undefined = 0;
  for (const pid of pids) {
    const text = read(`/proc/${pid}/io`);
    // It ended after it was listed.
    if (text === undefined && read(`/proc/${pid}/stat`) === undefined) continue;
    const io: IoUse = text === undefined ? {} : parseProcessIo(text);
    readBytes = added(readBytes, io.readBytes);
    writeBytes = added(writeBytes, io.writeBytes);
  }
  return { readBytes, writeBytes };
}

function added(sum: number | undefined, more: number | undefined): number | undefined {
  return sum === undefined || more === undefined ? undefined : sum + more;
}

const AT_PAGESZ = 6n;
const USUAL_PAGE_BYTES = 4096;

/** Bytes of one page of memory, from the auxiliary vector that the kernel gave this process: getauxval(3). */
export function pageSize(read: ReadText = kernelText): number {
  const vector = Buffer.from(read('/proc/self/auxv') ?? '', 'latin1');
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + 8));
  }
  return USUAL_PAGE_BYTES;
}
