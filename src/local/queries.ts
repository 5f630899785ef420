/** What a user looks at: views, output and events. Nothing here changes anything. */
import { filter, map, type Observable } from 'rxjs';
import type {
  AgentView,
  AllocView,
  EventQuery,
  LogChunk,
  LogQuery,
  PublicEvent,
  SinkView,
} from '../api.ts';
import type { AgentDoors } from '../actors/agent-doors.ts';
import { foldEvents } from '../actors/replay.ts';
import type { Place } from '../actors/references.ts';
import type { Roster } from '../actors/roster.ts';
import { HoldfastError, messageOf } from '../errors.ts';
import {
  allocStream,
  AUDIT_PREFIX,
  NODE_STREAM,
  parseStream,
  taskStream,
  type Recorded,
} from '../events/envelope.ts';
import { follow, follow$, type FollowOptions } from '../log/subscription.ts';
import { allocTable } from '../machines/alloc-machine.ts';
import { taskTable } from '../machines/task-machine.ts';
import { allocView } from '../projections/alloc-view.ts';
import { publicEvent } from '../projections/public-event.ts';
import { PACKAGE_VERSION } from '../version.ts';
import { taskLogs } from './logs.ts';

export interface QueryDoors {
  readonly agent: AgentDoors;
  readonly agentEpoch: number;
  readonly roster: Roster;
  /** Undefined when there are none. */
  readonly sinks?: { readonly views: readonly SinkView[] } | undefined;
}

export class Queries {
  readonly #doors: QueryDoors;

  constructor(doors: QueryDoors) {
    this.#doors = doors;
  }

  async agent(): Promise<AgentView> {
    const { agent, agentEpoch } = this.#doors;
    return {
      version: PACKAGE_VERSION,
      pid: process.pid,
      storeId: agent.log.storeId,
      instanceId: agent.instanceId,
      agentEpoch,
      head: agent.log.head,
      dataDir: agent.layout.dataDir,
      startsHeld: agent.gate.holds,
      outputWaiting: agent.waitingOutput.current,
      sinks: this.#doors.sinks?.views ?? [],
      drivers: agent.drivers.names.map((driver) => {
        const print = agent.drivers.fingerprintOf(driver);
        return { driver, health: print?.health ?? 'undetected', message: print?.message ?? '' };
      }),
      capabilities: await agent.capabilities(),
    };
  }

  async allocs(options: { all?: boolean } = {}): Promise<readonly AllocView[]> {
    return this.#doors.roster.views(options.all ?? false);
  }

  async inspect(ref: string, options: { at?: number } = {}): Promise<AllocView> {
    const { agent, roster } = this.#doors;
    const { at } = options;
    if (at === undefined) return roster.view(roster.resolve(ref).allocId);
    const { log } = agent;
    const allocId = this.#allocAt(ref, at);
    const until = (stream: string): readonly Recorded[] =>
      log.readStream(stream).filter((event) => event.position <= at);
    const alloc = foldEvents(allocTable, until(allocStream(allocId)));
    if (alloc.version === 0) {
      throw new HoldfastError('NOT_FOUND', `alloc ${allocId} did not exist yet at position ${at}`);
    }
    return allocView(allocId, alloc, (task) => {
      const folded = foldEvents(taskTable, until(taskStream(allocId, task)));
      return folded.version === 0 ? undefined : folded;
    });
  }

  /** What is not known any more, and may have been then, was compacted away. */
  #allocAt(ref: string, at: number): string {
    const { agent, roster } = this.#doors;
    const { head, oldest, storeId } = agent.log;
    if (!Number.isSafeInteger(at) || at < 1) {
      throw new HoldfastError('USAGE', `${at} is not a position: 1, 2, 3 …`);
    }
    if (at > head) {
      const details = { storeId, head };
      throw new HoldfastError('POSITION_AHEAD', `the head is ${head}, not yet ${at}`, { details });
    }
    try {
      return roster.resolve(ref).allocId;
    } catch (error) {
      if (!HoldfastError.is(error, 'NOT_FOUND') || at >= oldest) throw error;
      const text = `${error.message}, and of those that were there at ${at} some were compacted away`;
      throw new HoldfastError('POSITION_COMPACTED', text, { details: { oldest }, cause: error });
    }
  }

  logs(ref: string, query: LogQuery = {}): AsyncIterable<LogChunk> {
    return taskLogs(this.#doors, ref, query);
  }

  async *events(query: EventQuery = {}): AsyncIterable<PublicEvent> {
    const { agent } = this.#doors;
    const { options, isWanted } = this.#reading(query);
    for await (const event of follow(agent.log, options)) {
      if (isWanted(event)) yield this.#publish(event);
    }
  }

  events$(query: EventQuery = {}): Observable<PublicEvent> {
    const { agent } = this.#doors;
    const { options, isWanted } = this.#reading(query);
    const onSubscriberError = (error: unknown): void => {
      agent.logger.error({ error: messageOf(error) }, 'a subscriber threw');
      agent.record('SubscriberFailed', { message: messageOf(error) });
    };
    return follow$(agent.log, { ...options, onSubscriberError }).pipe(
      filter(isWanted),
      map((event) => this.#publish(event)),
    );
  }

  #publish(event: Recorded): PublicEvent {
    return publicEvent(event, (allocId) => this.#doors.roster.nameOf(allocId));
  }

  #reading(query: EventQuery): { options: FollowOptions; isWanted: (event: Recorded) => boolean } {
    const { log } = this.#doors.agent;
    const { storeId, head } = log;
    if (query.storeId !== undefined && query.storeId !== storeId) {
      const text = `the position was seen in store ${query.storeId}; this is ${storeId}`;
      throw new HoldfastError('POSITION_AHEAD', text, { details: { storeId, head } });
    }
    const place = query.ref === undefined ? undefined : this.#doors.roster.resolve(query.ref);
    return {
      options: {
        after: query.after === 'now' ? head : (query.after ?? 0),
        // Who names no position wants what is kept, older events of kept allocs too.
        ...(query.after === undefined ? { keptBelow: log.oldest } : {}),
        ...(query.until === undefined ? {} : { until: query.until }),
        ...(query.signal === undefined ? {} : { signal: query.signal }),
        ...(query.types === undefined ? {} : { types: query.types }),
        ...(place === undefined ? {} : { streamPrefixes: prefixesOf(place, query.types) }),
      },
      isWanted: (event) => place === undefined || isAt(event, place),
    };
  }
}

/** Who follows an alloc wants to know what becomes of it; who said what he has to ask for by name. */
function prefixesOf({ allocId, task }: Place, types: readonly string[] = []): readonly string[] {
  const audit = types.some((type) => AUDITED.has(type)) ? [AUDIT_PREFIX] : [];
  const own =
    task === undefined
      ? [allocStream(allocId), `task/${allocId}/`, NODE_STREAM]
      : [taskStream(allocId, task), NODE_STREAM];
  return [...own, ...audit];
}

/** A prefix may match longer names too. */
function isAt(event: Recorded, place: Place): boolean {
  if (event.stream.startsWith(AUDIT_PREFIX)) return isAbout(event, place);
  // A fact of the node, because hosts find out when nobody runs the alloc any more.
  const parts = event.type === 'LogPurged' ? purgedOf(event) : parseStream(event.stream);
  return (
    parts?.allocId === place.allocId && (place.task === undefined || parts.task === place.task)
  );
}

/** A command for a whole alloc is about each of its tasks, too. */
function isAbout({ type, data }: Recorded, { allocId, task }: Place): boolean {
  if (!AUDITED.has(type)) return false;
  const said = data as { readonly allocIds: readonly string[]; readonly task: string | null };
  const isOfTask = task === undefined || said.task === null || said.task === task;
  return isOfTask && said.allocIds.includes(allocId);
}

/** One that a newer version wrote has another shape. */
const AUDITED: ReadonlySet<string> = new Set(['CommandReceived', 'CommandRefused']);

function purgedOf({ data }: Recorded): Pick<Place, 'allocId' | 'task'> {
  const { allocId, task } = data as { readonly allocId: string; readonly task: string };
  return { allocId, task };
}
