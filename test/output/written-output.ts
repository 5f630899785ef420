/** Output as a logmon host leaves it in files, and what is known of each of its bytes: the model that readers must meet. */
import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { gzipSync } from 'node:zlib';
import { formatGap, type GapReason, parseGaps } from '../../src/output/gaps.ts';
import { encodeMark, type Mark } from '../../src/output/marks.ts';
import {
  gapsPath,
  marksPath,
  packedPath,
  segmentPath,
  type OutputStream,
} from '../../src/output/segments.ts';

export const SPAN_MS = 100;

/** Bytes that were written at once. */
export interface Written {
  readonly stream: OutputStream;
  readonly text: string;
  readonly segment: number;
  readonly run: number;
  /** Of its mark. */
  readonly at: number;
  /** When it was written. */
  readonly time: number;
}

interface Series {
  segment: number;
  sizeBytes: number;
  mark: Mark | undefined;
}

export class WrittenOutput {
  readonly dir: string;
  readonly stem = 'web';
  readonly written: Written[] = [];
  now = 1_000_000;
  run = 1;
  readonly #series: Record<OutputStream, Series> = {
    stdout: { segment: 0, sizeBytes: 0, mark: undefined },
    stderr: { segment: 0, sizeBytes: 0, mark: undefined },
  };

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Characters are bytes. */
  write(stream: OutputStream, text: string, { hasMarks = true } = {}): void {
    const series = this.#series[stream];
    const { mark, segment, sizeBytes } = series;
    const isDue = mark === undefined || mark.run !== this.run || this.now >= mark.at + SPAN_MS;
    if (hasMarks && isDue) {
      series.mark = { offset: sizeBytes, at: this.now, spanMs: SPAN_MS, run: this.run };
      appendFileSync(marksPath(this.#of(stream), segment), encodeMark(series.mark));
    }
    appendFileSync(this.path(stream, segment), text, 'latin1');
    series.sizeBytes += text.length;
    const { at = 0, run = 0 } = series.mark ?? {};
    this.written.push({ stream, text, segment, run, at, time: this.now });
  }

  rotate(stream: OutputStream): void {
    const series = this.#series[stream];
    Object.assign(series, { segment: series.segment + 1, sizeBytes: 0, mark: undefined });
    writeFileSync(this.path(stream, series.segment), '');
  }

  /** Compresses a segment that grows no more. */
  pack(stream: OutputStream, segment: number): void {
    const plain = this.path(stream, segment);
    if (segment >= this.newest(stream) || !existsSync(plain)) return;
    const packed = packedPath(this.#of(stream), segment);
    writeFileSync(`${packed}.part`, gzipSync(readFileSync(plain)));
    renameSync(`${packed}.part`, packed);
    rmSync(plain);
  }

  /** Removes the oldest segments up to this one, as rotation does or with a record for the budget. */
  purge(stream: OutputStream, segment: number, reason?: 'budget'): void {
    for (let number = 0; number <= segment && number < this.newest(stream); number += 1) {
      const of = this.#of(stream);
      const paths = [segmentPath(of, number), packedPath(of, number)];
      if (!paths.some((path) => existsSync(path))) continue;
      if (reason !== undefined)
        this.#record(stream, reason, number, 0, this.sizeOf(stream, number));
      for (const path of [...paths, marksPath(of, number)]) rmSync(path, { force: true });
    }
  }

  /** Throws away what comes now. */
  drop(stream: OutputStream, bytes: number): void {
    const { segment, sizeBytes } = this.#series[stream];
    this.#record(stream, 'disk-full', segment, sizeBytes, bytes);
  }

  /** Was a record made that says of no byte that it was in a file? */
  hasPurgedEmpty(stream: OutputStream): boolean {
    return parseGaps(readFileSync(gapsPath(this.#of(stream)), 'utf8')).some(
      ({ bytes }) => bytes === 0,
    );
  }

  /** What was written to a stream. */
  text(stream: OutputStream, isMeant: (one: Written) => boolean = () => true): string {
    return this.written
      .filter((one) => one.stream === stream && isMeant(one))
      .map(({ text }) => text)
      .join('');
  }
  sizeOf(stream: OutputStream, segment: number): number {
    return this.text(stream, (one) => one.segment === segment).length;
  }
  newest(stream: OutputStream): number {
    return this.#series[stream].segment;
  }
  path(stream: OutputStream, segment: number): string {
    return segmentPath(this.#of(stream), segment);
  }
  removeMarks(stream: OutputStream, segment: number): void {
    rmSync(marksPath(this.#of(stream), segment));
  }

  #of(stream: OutputStream) {
    return { dir: this.dir, stem: this.stem, stream };
  }
  #record(
    stream: OutputStream,
    reason: GapReason,
    segment: number,
    offset: number,
    bytes: number,
  ): void {
    const gap = { reason, segment, offset, bytes, from: this.now, until: this.now, run: this.run };
    appendFileSync(gapsPath(this.#of(stream)), formatGap(gap));
  }
}
