/** The past of a REF, out of the events that anybody may read: the same in process and over a socket. */
import type { EventQuery, PublicEvent } from '../api.ts';
import type { HistoryEntry, NomadTaskEvent, WhyChain } from '../api/task-history.ts';
import { historyOf } from './history.ts';
import { nomadTaskEvents } from './nomad-task-events.ts';
import { whyChain } from './why.ts';

/** What of an orchestrator is asked. */
export interface EventSource {
  events(query: EventQuery): AsyncIterable<PublicEvent>;
}

/** What of the machine may end a run, or hold up a start. */
const NODE_TYPES = ['AgentStarted', 'HostLost', 'StoreDamaged', 'DriverFingerprinted'];

/** Nomad shows so many. */
const NEWEST = 10;

/** Errors: those of `events`. */
export async function history(source: EventSource, ref: string): Promise<readonly HistoryEntry[]> {
  const asked = await all(source, { ref, types: ['CommandReceived', 'CommandRefused'] });
  return historyOf(inOrder([...(await all(source, { ref })), ...asked]));
}

/** Nomad's words for a task. REF is `ALLOC/TASK`. The newest ten, unless all are wanted. */
export async function nomadEvents(
  source: EventSource,
  ref: string,
  options: { readonly all?: boolean } = {},
): Promise<readonly NomadTaskEvent[]> {
  const [alloc = '', task = ''] = ref.split('/');
  const told = nomadTaskEvents(await all(source, { ref: alloc }), task);
  return options.all === true ? told : told.slice(-NEWEST);
}

/** Of a task the one chain; of an alloc its own when it has ended or is about to, else one for each of its tasks. */
export async function why(source: EventSource, ref: string): Promise<readonly WhyChain[]> {
  const [word = '', task] = ref.split('/');
  // Asked for whole, so that a task that is not there is an error of the agent's.
  if (task !== undefined) for await (const _event of source.events({ ref, until: 'head' })) break;
  const own = await all(source, { ref: word });
  const { alloc = null, allocId = null } = own[0] ?? {};
  if (alloc === null || allocId === null) return [];
  const node = await all(source, { types: NODE_TYPES });
  const asked = await all(source, { ref: word, types: ['CommandReceived'] });
  const events = inOrder([...own, ...asked, ...node]);
  const chain = (name: string | null): WhyChain => whyChain(events, { alloc, allocId, task: name });
  if (task !== undefined) return [chain(task)];
  const itself = chain(null);
  const isOver = ['AllocStopping', 'AllocStopped'].includes(itself.causes[0]?.type ?? '');
  const tasks = [...new Set(own.flatMap((event) => (event.task === null ? [] : [event.task])))];
  return isOver || tasks.length === 0 ? [itself] : tasks.map(chain);
}

function inOrder(events: readonly PublicEvent[]): readonly PublicEvent[] {
  return events.toSorted((left, right) => left.position - right.position);
}

async function all(source: EventSource, query: EventQuery): Promise<PublicEvent[]> {
  const events: PublicEvent[] = [];
  for await (const event of source.events({ ...query, until: 'head' })) events.push(event);
  return events;
}
