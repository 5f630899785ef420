/** What the agent wrote down: its log, read once the case is over, run by run. */
import { NODE_STREAM } from '../../src/events/envelope.ts';
import type { StoredRow } from '../../src/log/event-log.ts';
import { openStore } from '../../src/log/open-store.ts';
import { silentLogger } from '../../src/ports.ts';

export interface HistoryEvent {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly run: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One start of one task, with everything that is recorded of it. */
export interface RunHistory {
  /** `alloc/task`. */
  readonly task: string;
  readonly run: number;
  readonly launchKey: string;
  readonly events: readonly HistoryEvent[];
}

export interface History {
  readonly events: readonly HistoryEvent[];
  readonly runs: readonly RunHistory[];
  /** Allocs that were removed when they had ended: first their files, then their events. */
  readonly removed: ReadonlySet<string>;
  /** How many events were removed. */
  readonly removedEvents: number;
  /** Anything wrong with the store itself. */
  readonly damage: string | undefined;
}

export async function readHistory(storeDir: string): Promise<History> {
  const { log, damage } = await openStore({ dir: storeDir, logger: silentLogger });
  try {
    const events = [...log.rows()].map(toEvent);
    return { events, runs: runsOf(events), ...removedIn(events), damage: damage?.reason };
  } finally {
    await log.close();
  }
}

/** `task` is `alloc/task`. */
export function isRemoved({ removed }: Pick<History, 'removed'>, task: string): boolean {
  return removed.has(task.slice(0, task.indexOf('/')));
}

function removedIn(events: readonly HistoryEvent[]): Pick<History, 'removed' | 'removedEvents'> {
  const said = events.filter(({ type }) => type === 'StoreCompacted').map(({ data }) => data);
  const doomed = events.filter(({ type }) => type === 'AllocRemoved').map(({ stream }) => stream);
  const gone = said.flatMap((data) => data['streams'] as readonly string[]);
  return {
    removed: new Set([...doomed, ...gone].map((stream) => stream.split('/')[1] ?? '')),
    removedEvents: said.reduce((sum, data) => sum + Number(data['events']), 0),
  };
}

function toEvent({ position, stream, version, type, run, data }: StoredRow): HistoryEvent {
  const facts = JSON.parse(data) as Readonly<Record<string, unknown>>;
  return { position, stream, version, type, run, data: facts };
}

function runsOf(events: readonly HistoryEvent[]): readonly RunHistory[] {
  const runs = new Map<
    string,
    { task: string; run: number; launchKey: string; events: HistoryEvent[] }
  >();
  for (const event of events) {
    if (event.stream === NODE_STREAM || event.run === 0 || !event.stream.startsWith('task/'))
      continue;
    const task = event.stream.slice('task/'.length);
    const id = `${task} ${event.run}`;
    const known = runs.get(id) ?? { task, run: event.run, launchKey: '', events: [] };
    runs.set(id, known);
    known.events.push(event);
    if (typeof event.data['launchKey'] === 'string') known.launchKey = event.data['launchKey'];
  }
  return [...runs.values()];
}
