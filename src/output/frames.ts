/**
 * Output of one stream as the frames in which Nomad's API streams it: `GET /v1/client/fs/logs/:alloc`. Rules of Nomad's
 * client/lib/streamframer and client/fs_endpoint.go.
 */
import type { Clock } from '../ports.ts';
import { parseCursor, type Position } from './cursor.ts';
import type { OutputStream } from './segments.ts';

const FRAME_BYTES = 65_536;
const GATHER_MS = 200;
const HEARTBEAT_MS = 1_000;

/** An empty one is a heartbeat. */
export interface LogFrame {
  /** In the file, behind the first bytes that were gathered for this frame. */
  readonly offset?: number;
  readonly data?: Uint8Array;
  /** `alloc/logs/<task>.<stream>.<N>`. */
  readonly file?: string;
  /** Deleted: the file went away before all of it was read. Truncated: bytes are missing inside of it. */
  readonly fileEvent?: 'file deleted' | 'file truncated';
}

/** What is needed of a `LogChunk`. */
interface FramedChunk {
  readonly stream: OutputStream;
  readonly data: Uint8Array;
  readonly cursor: string;
  readonly gap?: { readonly reason: string };
}

export interface FrameOptions {
  /** As the files of its output are named. */
  readonly task: string;
  /** Given by tests. */
  readonly clock?: Pick<Clock, 'steady' | 'at'>;
}

const realClock: Pick<Clock, 'steady' | 'at'> = {
  steady: () => performance.now(),
  at(atMs, wake) {
    const timer = setTimeout(wake, Math.max(0, atMs - performance.now()));
    return () => clearTimeout(timer);
  },
};

/**
 * The chunks of `logs()` as frames: what comes within 200 ms and is of one file is one frame of at most 64 KiB, and
 * when nothing comes for a second there is a heartbeat. Ends with the chunks, and rethrows what they throw. One who
 * leaves early aborts the signal that the chunks were asked for with: they are told to return, and not waited for.
 */
export async function* logFrames(
  chunks: AsyncIterable<FramedChunk>,
  { task, clock = realClock }: FrameOptions,
): AsyncGenerator<LogFrame, void, undefined> {
  const iterator = chunks[Symbol.asyncIterator]();
  const gathering = new Gathering(task);
  try {
    for (let [next, dueMs] = [taken(iterator), clock.steady() + HEARTBEAT_MS]; ;) {
      const result = await before(dueMs, next, clock);
      if (result === 'due') {
        yield gathering.take() ?? {};
        dueMs = clock.steady() + HEARTBEAT_MS;
        continue;
      }
      if (result.done === true) break;
      next = taken(iterator);
      const wasEmpty = gathering.isEmpty;
      const frames = gathering.add(result.value);
      yield* frames;
      if (gathering.isEmpty) dueMs = clock.steady() + HEARTBEAT_MS;
      else if (wasEmpty || frames.length > 0) dueMs = clock.steady() + GATHER_MS;
    }
    const last = gathering.take();
    if (last !== undefined) yield last;
  } finally {
    iterator.return?.().catch(() => undefined);
  }
}

/** Asked for ahead: an error waits for the reader. */
function taken<T>(iterator: AsyncIterator<T>): Promise<IteratorResult<T>> {
  const next = iterator.next();
  next.catch(() => undefined);
  return next;
}

async function before<T>(
  dueMs: number,
  next: Promise<T>,
  clock: Pick<Clock, 'steady' | 'at'>,
): Promise<T | 'due'> {
  const due = Promise.withResolvers<'due'>();
  const cancel = clock.at(dueMs, () => due.resolve('due'));
  try {
    return await Promise.race([next, due.promise]);
  } finally {
    cancel();
  }
}

/** The frame that is being filled. */
class Gathering {
  readonly #task: string;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #file = '';
  #offset = 0;
  /** Behind the last chunk of each stream. */
  readonly #places = new Map<OutputStream, Position>();

  constructor(task: string) {
    this.#task = task;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** Returns the frames that are full now. */
  add({ stream, data, cursor, gap }: FramedChunk): LogFrame[] {
    const place = parseCursor(cursor)[stream] ?? { segment: 0, offset: 0 };
    const last = this.#places.get(stream);
    this.#places.set(stream, place);
    if (gap !== undefined) return [...this.#rest(), this.#event(stream, last, place)];
    const file = this.#nameOf(stream, place.segment);
    const frames = file === this.#file ? [] : this.#rest();
    if (this.isEmpty) this.#begin(file, place.offset);
    this.#parts.push(data);
    this.#bytes += data.length;
    while (this.#bytes >= FRAME_BYTES) frames.push(this.#cut(FRAME_BYTES));
    return frames;
  }

  take(): LogFrame | undefined {
    return this.isEmpty ? undefined : this.#cut(this.#bytes);
  }

  #rest(): LogFrame[] {
    return [this.take()].filter((frame) => frame !== undefined);
  }

  #begin(file: string, offset: number): void {
    this.#file = file;
    this.#offset = offset;
  }

  #cut(bytes: number): LogFrame {
    const all = Buffer.concat(this.#parts);
    const frame = { offset: this.#offset, data: all.subarray(0, bytes), file: this.#file };
    this.#offset += bytes;
    this.#bytes = all.length - bytes;
    this.#parts = this.#bytes === 0 ? [] : [all.subarray(bytes)];
    return frame;
  }

  /** Of a gap between `last` and `place`. */
  #event(stream: OutputStream, last: Position | undefined, place: Position): LogFrame {
    const isInside = last === undefined ? place.offset > 0 : last.segment === place.segment;
    if (isInside) {
      const file = this.#nameOf(stream, place.segment);
      return { offset: place.offset, file, fileEvent: 'file truncated' };
    }
    const { segment, offset } = last ?? { segment: Math.max(0, place.segment - 1), offset: 0 };
    return { offset, file: this.#nameOf(stream, segment), fileEvent: 'file deleted' };
  }

  #nameOf(stream: OutputStream, segment: number): string {
    return `alloc/logs/${this.#task}.${stream}.${segment}`;
  }
}
