/** Both streams of one run's container, from Follow to Release. */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../os/atomic-file.ts';
import { ensureFifo } from '../../os/ensure-fifo.ts';
import type {
  FollowRequest,
  Remark,
} from '../../rpc/gen/holdfast/dockerlogger/v1/docker_logger.ts';
import { Follower } from './follower.ts';
import { ensureHeld, letGo } from './holder.ts';
import { placeOf } from './place-of.ts';
import type { StagePlace } from './stage.ts';

export class Following {
  readonly #request: FollowRequest;
  readonly #followers: readonly Follower[];
  readonly #remarks: Remark[];
  #told: number;
  readonly #report: (message: string) => void;
  #wake: () => void = () => undefined;
  #woken = Promise.resolve();

  private constructor(request: FollowRequest, report: (message: string) => void) {
    this.#request = request;
    this.#report = report;
    this.#remarks = readRemarks(remarksPath(request));
    this.#told = readTold(toldPath(request));
    this.#sleep();
    const streams = request.isTty ? (['stdout'] as const) : (['stdout', 'stderr'] as const);
    this.#followers = streams.map((stream) => this.#begin(stream));
  }

  /** Throws UNAVAILABLE, and what the system says of the files. */
  static async open(request: FollowRequest, report: (message: string) => void): Promise<Following> {
    const { stdoutFifo, stderrFifo } = request;
    const [out, err] = [stagePlaceOf(request, 'stdout'), stagePlaceOf(request, 'stderr')];
    for (const { stage } of [out, err]) ensureFifo(stage);
    await ensureHeld([stdoutFifo, stderrFifo, out.stage, err.stage], wordPath(request));
    return new Following(request, report);
  }

  /** Did the container end, and is all that it wrote in the FIFOs? */
  get isSettled(): boolean {
    return this.#followers.every(({ isDone }) => isDone);
  }

  get remarksSoFar(): number {
    return this.#remarks.length;
  }

  /** Those after the first `known` ones, which nobody is told of again. */
  remarksAfter(known: number): Remark[] {
    const told = this.#told;
    this.#told = Math.min(Math.max(told, known), this.#remarks.length);
    if (this.#told > told) {
      replaceFile(toldPath(this.#request), String(this.#told), { durable: false });
    }
    return this.#remarks.slice(this.#told);
  }

  /** Resolves when something may have changed, or `signal` aborts. */
  async untilChange(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([this.#woken, aborted]);
  }

  /** What was not moved yet can be gone on with by another host. */
  async leave(): Promise<void> {
    await Promise.all(this.#followers.map((follower) => follower.close()));
  }

  /** The run is over for good. */
  async release(): Promise<void> {
    await this.leave();
    letGo(wordPath(this.#request));
  }

  #begin(stream: 'stdout' | 'stderr'): Follower {
    const { containerId, isTty } = this.#request;
    const follower = new Follower(
      { place: placeOf(this.#request), containerId, stream, isTty },
      stagePlaceOf(this.#request, stream),
      { remark: (type, message) => this.#remark({ type, message }), report: this.#report },
    );
    void follower.done.then(() => this.#changed());
    return follower;
  }

  /** Written before the stream goes on: whoever comes after this host tells of it too. */
  #remark(remark: Remark): void {
    appendFileSync(remarksPath(this.#request), `${JSON.stringify(remark)}\n`, { mode: 0o600 });
    // crash point: dockerlogger.remark.written
    this.#remarks.push(remark);
    this.#changed();
  }

  #changed(): void {
    this.#wake();
    this.#sleep();
  }

  #sleep(): void {
    this.#woken = new Promise((resolve) => (this.#wake = resolve));
  }
}

function stagePlaceOf(request: FollowRequest, stream: 'stdout' | 'stderr'): StagePlace {
  const stem = join(request.dir, `engine-${stream}`);
  const fifo = stream === 'stdout' ? request.stdoutFifo : request.stderrFifo;
  return { fifo, stage: `${stem}.stage`, record: `${stem}.position` };
}

function wordPath({ dir }: FollowRequest): string {
  return join(dir, 'engine-output.word');
}

function remarksPath({ dir }: FollowRequest): string {
  return join(dir, 'engine-output.remarks');
}

function toldPath({ dir }: FollowRequest): string {
  return join(dir, 'engine-output.told');
}

function readTold(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return 0;
  }
}

/** A last line that was cut off was told of to nobody. */
function readRemarks(path: string): Remark[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Remark);
}
