import { closeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { HoldfastError } from '../../errors.ts';
import { removeFileIfPossible } from '../../os/atomic-file.ts';
import type { OutputStream } from '../../output/segments.ts';
import type { CollectRequest } from '../../rpc/gen/holdfast/logmon/v1/logmon.ts';
import { cannotOpen } from './cannot-write.ts';
import { isAnother, openFifo, type PipeBudget } from './fifo.ts';
import { makeDirectory } from './new-segment.ts';
import type { Pump } from './pump.ts';
import { StreamWriter } from './stream-writer.ts';
import type { Workshop } from './workshop.ts';

/** What all tasks of a host share. */
export interface Premises {
  readonly pump: Pump;
  readonly pipes: PipeBudget;
  readonly shop: Workshop;
}

/** How often a stream that cannot write is tried again for a caller who waits, and how long. */
const BLOCKED_RETRY_MS = 50;
const BLOCKED_PATIENCE_MS = 5_000;

interface Flow {
  readonly writer: StreamWriter;
  readonly pipeBytes: number;
  readonly stop: () => void;
}

/** Both streams of one task, from Collect to Release. */
export class Collection {
  readonly #premises: Premises;
  readonly #stdout: Flow;
  readonly #stderr: Flow;

  private constructor(premises: Premises, stdout: Flow, stderr: Flow) {
    this.#premises = premises;
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  /**
   * Begins to collect. A directory of the files that is missing among those of other tasks is made. Throws what
   * `openFifo` throws, and NOT_FOUND when there is no directory; nothing is left open then.
   */
  static async open(request: CollectRequest, premises: Premises): Promise<Collection> {
    const stdout = await openFlow(request, 'stdout', premises);
    try {
      const stderr = await openFlow(request, 'stderr', premises);
      return new Collection(premises, stdout, stderr);
    } catch (error) {
      await closeFlow(stdout, premises);
      throw error;
    }
  }

  get way(): 'splice' | 'copy' {
    const ways = [this.#stdout.writer.way, this.#stderr.writer.way];
    return ways.includes('copy') ? 'copy' : 'splice';
  }

  /** Were the FIFOs removed and made anew? No program writes into the old ones then: they are made before a start. */
  isLeftBehind({ stdoutFifo, stderrFifo }: CollectRequest): boolean {
    const [stdout, stderr] = [this.#stdout.writer.fifo, this.#stderr.writer.fifo];
    return isAnother(stdoutFifo, stdout) || isAnother(stderrFifo, stderr);
  }

  /** What cannot be written, since when and why; undefined when nothing waits. */
  get waiting(): { readonly sinceMs: number; readonly reason: string } | undefined {
    const [first] = [this.#stdout.writer, this.#stderr.writer]
      .filter(({ blocked, waitingBytes }) => blocked !== undefined && waitingBytes > 0)
      .toSorted((a, b) => a.blockedAtMs - b.blockedAtMs);
    return first && { sinceMs: first.blockedAtMs, reason: first.blockedReason };
  }

  /** Is everything that was written in the files? */
  get isDry(): boolean {
    return [this.#stdout, this.#stderr].every(({ writer }) => writer.waitingBytes === 0);
  }

  /** Of a task that is over. What has their names by now and is not what is read here stays. */
  removeFifos({ stdoutFifo, stderrFifo }: CollectRequest): void {
    // In the order of the hook that does it otherwise.
    if (!isAnother(stderrFifo, this.#stderr.writer.fifo)) removeFileIfPossible(stderrFifo);
    if (!isAnother(stdoutFifo, this.#stdout.writer.fifo)) removeFileIfPossible(stdoutFifo);
  }

  /** What the task writes from now on is of this run. */
  beginRun(run: number): void {
    this.#stdout.writer.beginRun(run);
    this.#stderr.writer.beginRun(run);
  }

  /**
   * Resolves when everything that is in the FIFOs now is in the files; returns what was collected since `open`.
   * Throws RESOURCES_EXHAUSTED when it cannot be written for 5 s (nothing is lost, and it is collected later; a task
   * whose output may be dropped is told so in the record of its gaps instead), ABORTED when `signal` aborts.
   */
  async drain(signal: AbortSignal): Promise<{ stdoutBytes: number; stderrBytes: number }> {
    await drainStream(this.#stdout.writer, signal);
    await drainStream(this.#stderr.writer, signal);
    return {
      stdoutBytes: this.#stdout.writer.collectedBytes,
      stderrBytes: this.#stderr.writer.collectedBytes,
    };
  }

  /** Stops and closes both streams once their files are on disk. Drain first: what is still in a FIFO stays there. */
  async close(): Promise<void> {
    await Promise.all([
      closeFlow(this.#stdout, this.#premises),
      closeFlow(this.#stderr, this.#premises),
    ]);
  }
}

async function openFlow(
  request: CollectRequest,
  stream: OutputStream,
  { pump, pipes, shop }: Premises,
): Promise<Flow> {
  const fifo = await openFifo(stream === 'stdout' ? request.stdoutFifo : request.stderrFifo);
  const { logDir: dir, fileStem: stem, maxFiles, maxFileBytes } = request;
  const { run, compress, dropWhenFull } = request;
  try {
    if (request.logsRoot === dirname(dir)) makeDirectory(dir);
    // crash point: logmon.fifo.opened
    const policy = { maxFiles, maxFileBytes, run, compress, dropWhenFull };
    const writer = new StreamWriter(fifo, { dir, stem, stream, ...policy }, shop);
    // crash point: logmon.segment.opened
    return { writer, pipeBytes: pipes.widen(fifo), stop: pump.add(writer) };
  } catch (error) {
    closeSync(fifo);
    throw cannotOpen(`cannot write output into ${dir}`, error);
  }
}

async function closeFlow(flow: Flow, { pipes }: Premises): Promise<void> {
  // crash point: logmon.close.before
  flow.stop();
  pipes.giveBack(flow.pipeBytes);
  await flow.writer.close();
  // crash point: logmon.close.synced
}

async function drainStream(writer: StreamWriter, signal: AbortSignal): Promise<void> {
  const goal = writer.passedBytes + writer.waitingBytes;
  const until = performance.now() + BLOCKED_PATIENCE_MS;
  // A release that was asked for at the same time has drained it too.
  while (writer.passedBytes < goal && !writer.closed) {
    if (signal.aborted) throw new HoldfastError('ABORTED', 'nobody waits for the drain any more');
    const turn = writer.turn(true);
    if (turn.end !== 'blocked') await setTimeout(0);
    else if (writer.blocked !== undefined && performance.now() > until) {
      if (!writer.dropRest()) throw writer.blocked;
    } else await setTimeout(BLOCKED_RETRY_MS);
  }
}
