import { HoldfastError } from '../errors.ts';
import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { inTimeOrder } from './in-time-order.ts';
import { LogRelay } from './log-relay.ts';
import { gapText, type LoggedTask, type LogItem, logItems, logJson, logLines } from './log-text.ts';
import { say, write } from './output.ts';
import { parseWhen } from './when.ts';
import type { Writable } from 'node:stream';
import type { LogChunk, LogQuery, Orchestrator } from '../api.ts';

export interface LogsOptions {
  readonly dataDir?: string;
  readonly follow?: boolean;
  readonly tail?: number;
  readonly since?: string;
  readonly until?: string;
  readonly timestamps?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly run?: string;
  readonly after?: string;
  readonly json?: boolean;
  readonly prefix?: boolean;
}

/** Of several tasks that are followed, one that writes nothing is waited for so long. */
const PATIENCE_MS = 50;

interface Asked extends LoggedTask {
  readonly ref: string;
}

/** `holdfast logs REF`: the task's stdout on stdout, its stderr on stderr, byte for byte unless told otherwise. */
export async function logs(ref: string, options: LogsOptions): Promise<void> {
  const query = toQuery(options, new Date());
  const dataDir = dataDirectory(options.dataDir);
  const agent = await findAgent(dataDir);
  await using relay = new LogRelay(dataDir, agent);
  const tasks = await tasksOf(agent, ref, options.prefix ?? false);
  const [first, ...others] = tasks;
  if (first === undefined) return;
  if (options.after !== undefined && others.length > 0) {
    throw new HoldfastError('USAGE', '--after is a place in the output of one task: name it');
  }
  const isRaw = !(options.json || options.timestamps || options.prefix);
  const left = new AbortController();
  const open = (task: Asked): AsyncIterable<LogChunk> =>
    relay.logs(task.ref, { ...query, signal: left.signal });
  let cursor: string | undefined;
  try {
    const printed = isRaw ? printBytes(first, open(first)) : printLines(tasks, open, options);
    for await (cursor of printed);
  } catch (error) {
    if (cursor === undefined || others.length > 0 || !HoldfastError.is(error, 'UNAVAILABLE')) {
      throw error;
    }
    const message = `${error.message}. Go on with --after ${cursor}`;
    throw new HoldfastError('UNAVAILABLE', message, { cause: error });
  } finally {
    left.abort();
  }
}

/** Yields the place behind what was printed. */
async function* printBytes(
  task: LoggedTask,
  chunks: AsyncIterable<LogChunk>,
): AsyncGenerator<string, void> {
  for await (const { stream, data, gap, cursor } of chunks) {
    if (gap !== undefined) say(gapText(task, stream, gap));
    else await write(data, sinkOf(stream));
    yield cursor;
  }
}

/** The same for lines. */
async function* printLines(
  tasks: readonly Asked[],
  open: (task: Asked) => AsyncIterable<LogChunk>,
  { json, timestamps, prefix, follow }: LogsOptions,
): AsyncGenerator<string, void> {
  const nameWidth = prefix ? Math.max(...tasks.map(({ task }) => task.length)) : undefined;
  const style = { hasTime: timestamps ?? false, nameWidth };
  const print = (items: readonly LogItem[]): string | Uint8Array =>
    json ? items.map(logJson).join('') : logLines(items, style);
  const batches = inTimeOrder(
    tasks.map((task) => logItems(task, open(task))),
    { timeOf: ([first]) => first?.chunk.time ?? null, patienceMs: follow ? PATIENCE_MS : Infinity },
  );
  for await (const items of batches) {
    // All of them are of one stream: they come with one chunk, or they are the last ones.
    for (const stream of ['stdout', 'stderr'] as const) {
      const text = print(items.filter(({ chunk }) => chunk.stream === stream));
      if (text.length > 0) await write(text, json ? process.stdout : sinkOf(stream));
    }
    for (const { of, chunk } of items) {
      if (chunk.gap !== undefined) say(gapText(of, chunk.stream, chunk.gap));
    }
    const last = items.at(-1);
    if (last !== undefined) yield last.place.cursor;
  }
}

function sinkOf(stream: LogChunk['stream']): Writable {
  return stream === 'stderr' ? process.stderr : process.stdout;
}

/** Throws USAGE. */
export function toQuery(options: LogsOptions, now: Date): LogQuery {
  const { stdout, stderr, follow = false, tail, after } = options;
  const time = (option: string, text?: string): Date | undefined =>
    text === undefined ? undefined : parseWhen(option, text, now);
  const [since, until] = [time('--since', options.since), time('--until', options.until)];
  if (after === '') throw new HoldfastError('USAGE', '--after wants a cursor, and got nothing');
  if (since && until && since > until) {
    throw new HoldfastError('USAGE', '--since is later than --until: nothing is between them');
  }
  return {
    stream: stdout === stderr ? 'both' : stdout ? 'stdout' : 'stderr',
    follow,
    run: parseRun(options.run),
    ...(tail === undefined ? {} : { tail }),
    ...(after === undefined ? {} : { after }),
    ...(since ? { since } : {}),
    ...(until ? { until } : {}),
  };
}

function parseRun(text = 'all'): NonNullable<LogQuery['run']> {
  if (text === 'all' || text === 'last') return text;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new HoldfastError('USAGE', `--run wants last, all or the number of a run, not "${text}"`);
}

/** The alloc is enough where it has one task, or all are wanted. Throws AMBIGUOUS with the tasks, NOT_FOUND. */
async function tasksOf(
  orchestrator: Orchestrator,
  ref: string,
  isAll: boolean,
): Promise<readonly Asked[]> {
  const { alloc, allocId, tasks } = await orchestrator.inspect(ref);
  const [, named] = ref.split('/');
  const asked = tasks
    .filter(({ task }) => named === undefined || task === named)
    .map(({ task }) => ({ alloc, task, ref: `${allocId}/${task}` }));
  if (asked.length === 1 || isAll) return asked;
  const names = tasks.map(({ task }) => `${ref}/${task}`).join(', ');
  const text = `${alloc} has ${tasks.length} tasks, name one of them: ${names}; or all with --prefix`;
  throw new HoldfastError('AMBIGUOUS', text);
}
