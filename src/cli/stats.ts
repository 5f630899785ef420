import type { Orchestrator, StatsQuery, TaskStats } from '../api.ts';
import { HoldfastError } from '../errors.ts';
import { durationMs } from '../spec/duration.ts';
import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { LiveText } from './live-text.ts';
import { merged } from './merged.ts';
import { say, write } from './output.ts';
import { statsLine, statsTable } from './stats-table.ts';

export interface StatsOptions {
  readonly dataDir?: string;
  /** False for `--no-stream`. */
  readonly stream: boolean;
  readonly json?: boolean;
  readonly interval: string;
}

/** Samples of one moment come within this. */
const GATHER_MS = 50;
/** A task of which nothing came for so many intervals does not run any more. */
const STALE_INTERVALS = 2.5;

/** `holdfast stats [REF…]`: a table that is kept up to date on a terminal, a line a sample elsewhere. */
export async function stats(refs: readonly string[], options: StatsOptions): Promise<void> {
  const intervalMs = parseInterval(options.interval);
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  const left = new AbortController();
  const query = { intervalMs, signal: left.signal };
  try {
    if (!options.stream) await once(orchestrator, refs, query, left, options.json ?? false);
    else if (options.json === true) await each(open(orchestrator, refs, query), jsonLine);
    else if (!process.stdout.isTTY) await each(open(orchestrator, refs, query), statsLine);
    else await live(open(orchestrator, refs, query), intervalMs);
  } finally {
    left.abort();
  }
}

/** Throws USAGE. */
export function parseInterval(text: string): number {
  const intervalMs = durationMs(text);
  if (intervalMs >= 100) return intervalMs;
  const message = `--interval wants a duration from 100ms on, such as 500ms or 2s, not "${text}"`;
  throw new HoldfastError('USAGE', message);
}

function open(
  orchestrator: Orchestrator,
  refs: readonly string[],
  query: StatsQuery,
): AsyncIterable<TaskStats> {
  if (refs.length === 0) return orchestrator.stats(undefined, query);
  return merged(refs.map((ref) => orchestrator.stats(ref, query)));
}

function jsonLine(sample: TaskStats): string {
  return `${JSON.stringify(sample)}\n`;
}

async function each(
  samples: AsyncIterable<TaskStats>,
  line: (sample: TaskStats) => string,
): Promise<void> {
  for await (const sample of samples) await write(line(sample));
}

/** Two samples of each task that runs: a share of the processor is that of the time between two. */
async function once(
  orchestrator: Orchestrator,
  refs: readonly string[],
  query: StatsQuery & { intervalMs: number },
  left: AbortController,
  isJson: boolean,
): Promise<void> {
  const waiting = await runningTasks(orchestrator, refs);
  if (waiting.size === 0) return say('nothing runs here');
  const seen = new Map<string, TaskStats>();
  // One that ends meanwhile has no second sample.
  const timer = setTimeout(() => left.abort(), query.intervalMs * 2 + 2_000);
  for await (const sample of open(orchestrator, refs, query)) {
    const key = keyOf(sample);
    if (seen.has(key)) waiting.delete(key);
    seen.set(key, sample);
    if (waiting.size === 0) break;
  }
  clearTimeout(timer);
  if (!isJson) return write(statsTable(seen.values()));
  for (const sample of seen.values()) await write(jsonLine(sample));
}

async function runningTasks(
  orchestrator: Orchestrator,
  refs: readonly string[],
): Promise<Set<string>> {
  const views =
    refs.length === 0
      ? (await orchestrator.allocs()).flatMap(({ tasks }) => tasks)
      : (await Promise.all(refs.map((ref) => livingTasks(orchestrator, ref)))).flat();
  return new Set(views.filter(({ pid }) => pid !== null).map(keyOf));
}

/** Throws WRONG_STATE, as a stream of what has ended does. */
async function livingTasks(orchestrator: Orchestrator, ref: string) {
  const { tasks } = await orchestrator.inspect(ref);
  const [, name] = ref.split('/');
  const wanted = tasks.filter(({ task }) => task === (name ?? task));
  if (wanted.some(({ nomadState }) => nomadState !== 'dead')) return wanted;
  throw new HoldfastError('WRONG_STATE', `${ref} has ended: there is nothing to measure`);
}

function keyOf({ allocId, task }: Pick<TaskStats, 'allocId' | 'task'>): string {
  return `${allocId}/${task}`;
}

async function live(samples: AsyncIterable<TaskStats>, intervalMs: number): Promise<void> {
  const newest = new Map<string, { readonly sample: TaskStats; readonly seenAt: number }>();
  const text = new LiveText();
  let gathering: NodeJS.Timeout | undefined;
  const show = async (): Promise<void> => {
    gathering = undefined;
    const oldest = performance.now() - intervalMs * STALE_INTERVALS;
    for (const [key, { seenAt }] of newest) if (seenAt < oldest) newest.delete(key);
    await text.show(statsTable([...newest.values()].map(({ sample }) => sample)));
  };
  // Without tasks there is nothing that would come.
  const clock = setInterval(() => (gathering ??= setTimeout(() => void show())), intervalMs);
  void show();
  try {
    for await (const sample of samples) {
      newest.set(keyOf(sample), { sample, seenAt: performance.now() });
      gathering ??= setTimeout(() => void show(), GATHER_MS);
    }
    await show();
  } finally {
    clearInterval(clock);
    clearTimeout(gathering);
  }
}
