/**
 * When and by which run the bytes of a segment were written: a file of fixed records beside it, sparse, in the order of
 * the bytes. A mark covers the bytes from its offset to the next mark's; they were collected within `spanMs` of `at`.
 * Lost marks cost no byte: without them output has no time and no run.
 */

export interface Mark {
  /** First byte in the segment that it is about. */
  readonly offset: number;
  /** When that byte was collected, in milliseconds since 1970. */
  readonly at: number;
  /** How much later than `at` the last byte that it covers may have been collected, in milliseconds. */
  readonly spanMs: number;
  /** The task's run that wrote it, as far as known: what an earlier run left behind counts as the next one's. */
  readonly run: number;
}

export const MARK_BYTES = 16;
const SHORTEST_SPAN_MS = 100;
/** So many marks of a segment have one span, the next so many the double: a slow stream fills no disk with marks. */
const MARKS_PER_SPAN = 8_192;
const WIDEST_SPAN = 20;
const UINT24 = 0xff_ff_ff;

/** How far apart marks are when a segment has `count` of them already, in milliseconds. */
export function spanAfter(count: number): number {
  return SHORTEST_SPAN_MS * 2 ** Math.min(WIDEST_SPAN, Math.floor(count / MARKS_PER_SPAN));
}

/** 6 bytes offset, 6 bytes time, 3 bytes run, 1 byte span as a power of two of 100 ms; big endian. */
export function encodeMark({ offset, at, spanMs, run }: Mark): Uint8Array {
  const bytes = Buffer.alloc(MARK_BYTES);
  bytes.writeUIntBE(offset, 0, 6);
  bytes.writeUIntBE(at, 6, 6);
  bytes.writeUIntBE(Math.min(run, UINT24), 12, 3);
  bytes.writeUInt8(Math.round(Math.log2(spanMs / SHORTEST_SPAN_MS)), 15);
  return bytes;
}

/** A torn record at the end is left out, and so is whatever does not ascend: a damaged file gives fewer marks. */
export function decodeMarks(bytes: Uint8Array): Mark[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const marks: Mark[] = [];
  for (let at = 0; at + MARK_BYTES <= view.length; at += MARK_BYTES) {
    const mark = {
      offset: view.readUIntBE(at, 6),
      at: view.readUIntBE(at + 6, 6),
      run: view.readUIntBE(at + 12, 3),
      spanMs: SHORTEST_SPAN_MS * 2 ** Math.min(WIDEST_SPAN, view.readUInt8(at + 15)),
    };
    // The same offset twice: the first announced bytes that did not come.
    if (marks.at(-1)?.offset === mark.offset) marks.pop();
    if (mark.offset >= (marks.at(-1)?.offset ?? 0)) marks.push(mark);
  }
  return marks;
}
