import type { Orchestrator, TaskStats, TaskView } from '../api.ts';
import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { FullScreen } from './full-screen.ts';
import { parseInterval } from './stats.ts';
import { mostSkipped, type SortKey, topFrame, type TopRow } from './top-frame.ts';
import { ratesBetween } from './usage-text.ts';

export interface TopOptions {
  readonly dataDir?: string;
  readonly interval: string;
}

const SORT_KEYS: Readonly<Record<string, SortKey>> = { c: 'cpu', m: 'memory', n: 'name' };
const QUIT = new Set(['q', 'Q', '\x03', '\x04']);
const SCROLL: Readonly<Record<string, number>> = {
  '\x1b[A': -1,
  k: -1,
  '\x1b[B': 1,
  j: 1,
  '\x1b[5~': -10,
  '\x1b[6~': 10,
};
/** A task of which nothing came for so many intervals is shown without numbers. */
const STALE_INTERVALS = 2.5;

/** `holdfast top`: all live tasks, until `q`. */
export async function top(options: TopOptions): Promise<void> {
  const intervalMs = parseInterval(options.interval);
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  const left = new AbortController();
  const model = new Top(intervalMs, options.interval);
  using screen = new FullScreen(
    (keys) => {
      if (model.press(keys, screen.size.lines)) left.abort();
      else model.draw(screen);
    },
    () => model.draw(screen),
  );
  try {
    await Promise.all([
      model.listen(orchestrator, left.signal),
      model.look(orchestrator, screen, left.signal),
    ]);
  } finally {
    left.abort();
  }
}

interface Seen {
  readonly sample: TaskStats;
  readonly rates: ReturnType<typeof ratesBetween>;
  readonly seenAt: number;
}

class Top {
  readonly #intervalMs: number;
  readonly #intervalText: string;
  readonly #seen = new Map<string, Seen>();
  #views: readonly TaskView[] = [];
  #sort: SortKey = 'cpu';
  #skipped = 0;

  constructor(intervalMs: number, intervalText: string) {
    this.#intervalMs = intervalMs;
    this.#intervalText = intervalText;
  }

  /** True when it is to end. */
  press(keys: string, lines: number): boolean {
    if (QUIT.has(keys)) return true;
    this.#sort = SORT_KEYS[keys.toLowerCase()] ?? this.#sort;
    const most = mostSkipped({ rows: this.#rows(), lines });
    this.#skipped = Math.min(most, Math.max(0, this.#skipped + (SCROLL[keys] ?? 0)));
    return false;
  }

  async listen(orchestrator: Orchestrator, signal: AbortSignal): Promise<void> {
    const query = { intervalMs: this.#intervalMs, signal };
    for await (const sample of orchestrator.stats(undefined, query)) {
      const key = keyOf(sample);
      const rates = ratesBetween(this.#seen.get(key)?.sample, sample);
      this.#seen.set(key, { sample, rates, seenAt: performance.now() });
    }
  }

  /** Which tasks there are, and a new picture, once an interval; the first one soon after the first samples. */
  async look(orchestrator: Orchestrator, screen: FullScreen, signal: AbortSignal): Promise<void> {
    for (let delayMs = 100; !signal.aborted; delayMs = this.#intervalMs) {
      this.#views = (await orchestrator.allocs()).flatMap(({ tasks }) => tasks);
      this.draw(screen);
      await pause(delayMs, signal);
    }
  }

  draw(screen: FullScreen): void {
    const { columns, lines } = screen.size;
    const rows = this.#rows();
    const [sort, skipped] = [this.#sort, this.#skipped];
    const intervalText = `every ${this.#intervalText}`;
    screen.draw(topFrame({ rows, sort, skipped, columns, lines, now: Date.now(), intervalText }));
  }

  #rows(): readonly TopRow[] {
    const oldest = performance.now() - this.#intervalMs * STALE_INTERVALS;
    for (const [key, { seenAt }] of this.#seen) if (seenAt < oldest) this.#seen.delete(key);
    return this.#views.map((view) => {
      const seen = this.#seen.get(keyOf(view));
      const isOfRun = seen?.sample.run === view.run;
      return isOfRun ? { view, stats: seen.sample, rates: seen.rates } : { view };
    });
  }
}

function keyOf({ allocId, task }: Pick<TaskStats, 'allocId' | 'task'>): string {
  return `${allocId}/${task}`;
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal.addEventListener('abort', end);
  });
}
