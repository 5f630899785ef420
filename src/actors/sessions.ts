/**
 * Commands beside programs, on whatever host has the run. A host ends them by itself when nobody reads them; this actor
 * hears of every end and has it recorded, also of those that ended while no agent was there.
 */
import { HoldfastError, isRetryable } from '../errors.ts';
import type { RunRequest } from '../drivers/driver.ts';
import type { SessionCommand, SessionDoor } from '../drivers/session.ts';
import type { SessionEndFacts } from '../machines/task-messages.ts';
import { follow } from '../rpc/framed-client.ts';
import { sessionMethods as service } from '../rpc/session-methods.ts';
import { untilNextLook } from './look-again.ts';
import type { RunCgroups } from './run-cgroups.ts';
import { SessionCalls } from './session-calls.ts';
import type { SessionHosts } from './session-hosts.ts';
import { factsOf, readingOf, type SessionReading, wordsOf } from './session-words.ts';

/** One session that this agent stands by. */
export interface SessionPlace {
  readonly id: string;
  readonly launchKey: string;
  readonly allocId: string;
  readonly task: string;
}
export interface KeptSession extends SessionPlace {
  /** Its end was recorded by an earlier agent: only a host knows what became of its output. */
  readonly isRecalled?: true;
  /** Resolves when the end is recorded. Rejects with CLOSED when the agent closes before. */
  readonly end: Promise<SessionEndFacts>;
}

export interface SessionsDoors {
  readonly hosts: SessionHosts;
  readonly agentEpoch: number;
  readonly cgroups: RunCgroups;
  /** Aborts when the agent closes. */
  readonly signal: AbortSignal;
}

/** Whoever attaches late still learns how it ended; counted anew whenever somebody reads. */
const REMEMBERED_MS = 60_000;

export class Sessions implements SessionDoor {
  readonly #doors: SessionsDoors;
  readonly #kept = new Map<string, KeptSession>();
  readonly #calls: SessionCalls;
  /** Sessions that are over. */
  readonly #lettingGo = new Map<string, NodeJS.Timeout>();

  constructor(doors: SessionsDoors) {
    this.#doors = doors;
    this.#calls = new SessionCalls(doors);
  }

  async open(run: Pick<RunRequest, 'launchKey' | 'mark'>, command: SessionCommand): Promise<void> {
    const { launchKey } = run;
    const { hosts, cgroups } = this.#doors;
    if (command.container !== undefined) await hosts.placeInContainer(launchKey);
    const words = wordsOf(run, command, cgroups.pathOf(launchKey));
    await this.#calls.call(launchKey, service.openSession, words);
  }

  /**
   * Stands by a session until its end is recorded by `record`, which is called once unless the agent closes before.
   * Repeatable. `doubt` is why nobody knows whether it began: then nothing of it may go on.
   */
  keep(
    place: SessionPlace,
    record: (end: SessionEndFacts) => Promise<void>,
    doubt?: string,
  ): KeptSession {
    const known = this.#kept.get(place.id);
    if (known !== undefined) return known;
    this.#calls.standBy(place.id);
    const kept = { ...place, end: this.#recorded(place, record, doubt) };
    kept.end.catch(() => undefined);
    this.#kept.set(place.id, kept);
    return kept;
  }

  /** One whose end an earlier agent has recorded: what it wrote may still be read. */
  recall(place: SessionPlace, end: SessionEndFacts): KeptSession {
    const kept = { ...place, isRecalled: true as const, end: Promise.resolve(end) };
    this.#calls.standBy(place.id);
    this.#kept.set(place.id, kept);
    this.#letGoLater(place.id);
    return kept;
  }

  /**
   * Stands by a session that is recorded nowhere, until it is over. Rejects as `keep` does. An agent that dies leaves
   * it to its host, which ends what nobody reads.
   */
  async keepUnrecorded(place: SessionPlace, doubt?: string): Promise<SessionEndFacts> {
    this.#calls.standBy(place.id);
    try {
      if (doubt !== undefined) await this.#closeSurely(place, doubt);
      const end = await this.#ended(place, doubt);
      await this.#forget(place);
      return end;
    } finally {
      this.#calls.letGo(place.id);
    }
  }

  async #forget({ id: session, launchKey }: SessionPlace): Promise<void> {
    await this.#calls.call(launchKey, service.forgetSession, { session }).catch(() => undefined);
  }

  /** Throws UNAVAILABLE for a run that no host has so far. */
  async assertHosted({ launchKey }: Pick<RunRequest, 'launchKey'>): Promise<void> {
    if ((await this.#doors.hosts.whereIs(launchKey)) !== undefined) return;
    throw new HoldfastError('UNAVAILABLE', 'the task is being taken over from an earlier agent');
  }

  /** Does this agent stand by any beside the run? */
  isBeside(launchKey: string): boolean {
    return [...this.#kept.values()].some((one) => one.launchKey === launchKey);
  }

  find(id: string): KeptSession | undefined {
    return this.#kept.get(id);
  }

  async #recorded(
    place: SessionPlace,
    record: (end: SessionEndFacts) => Promise<void>,
    doubt: string | undefined,
  ): Promise<SessionEndFacts> {
    if (doubt !== undefined) await this.#closeSurely(place, doubt);
    const end = await this.#ended(place, doubt);
    await record(end);
    // crash point: agent.session.closed
    await this.#forget(place);
    this.#letGoLater(place.id);
    return end;
  }

  #letGoLater(session: string): void {
    clearTimeout(this.#lettingGo.get(session));
    const timer = setTimeout(() => {
      this.#kept.delete(session);
      this.#lettingGo.delete(session);
      this.#calls.letGo(session);
    }, REMEMBERED_MS);
    this.#lettingGo.set(session, timer.unref());
  }

  /** What the host of its run says, or that nobody can say: a new host does not know the sessions of a dead one. */
  async #ended(place: SessionPlace, doubt?: string): Promise<SessionEndFacts> {
    const { signal } = this.#doors;
    for (;;) {
      try {
        const request = { session: place.id };
        const { end } = await this.#calls.call(place.launchKey, service.waitSession, request, {
          signal,
        });
        return factsOf(end);
      } catch (error) {
        if (signal.aborted) throw new HoldfastError('CLOSED', 'the agent is closing');
        const isUnknown =
          HoldfastError.is(error, 'NOT_FOUND') || HoldfastError.is(error, 'CAPABILITY_MISSING');
        if (isUnknown) return this.#lost(place, doubt);
        if (!isRetryable(error)) throw error;
      }
      await untilNextLook(signal);
    }
  }

  async #lost(place: SessionPlace, doubt = 'its host was lost'): Promise<SessionEndFacts> {
    await this.#closeSurely(place, doubt);
    return { exitCode: null, signal: null, reason: doubt };
  }

  /** Until its host has said that nothing of it lives, and begins nothing of it any more; or no host has its run. */
  async #closeSurely(place: SessionPlace, why: string): Promise<void> {
    const { signal } = this.#doors;
    for (;;) {
      try {
        return await this.close(place, why);
      } catch (error) {
        if (signal.aborted) throw new HoldfastError('CLOSED', 'the agent is closing');
        if (!isRetryable(error)) return;
      }
      await untilNextLook(signal);
    }
  }

  /**
   * Becomes the session's reader, now and not when the output is first asked for. Errors: NOT_FOUND, UNAVAILABLE,
   * POSITION_COMPACTED; while reading also ABORTED when another reader came.
   */
  async read(
    { id: session, launchKey }: SessionPlace,
    after: number | undefined,
    left?: AbortSignal,
  ): Promise<SessionReading> {
    const { agentEpoch, signal } = this.#doors;
    if (signal.aborted) throw new HoldfastError('CLOSED', 'the agent is closing');
    if (this.#lettingGo.has(session)) this.#letGoLater(session);
    const channel = await this.#calls.channelTo(launchKey, session);
    const leaving = new AbortController();
    const signals = [leaving.signal, signal, ...(left === undefined ? [] : [left])];
    const request = { agentEpoch, session, after };
    const options = { signal: AbortSignal.any(signals) };
    return readingOf(follow(channel, service.attachSession, request, options), leaving);
  }

  /** Resolves with how much input has been taken, when the command has it. */
  async write(
    { id: session, launchKey }: SessionPlace,
    offset: number,
    data: Uint8Array,
    closes: boolean,
  ): Promise<number> {
    const request = { session, offset, data: Buffer.from(data), closes };
    const { signal } = this.#doors;
    return (await this.#calls.call(launchKey, service.writeSession, request, { signal })).offset;
  }

  async take({ id: session, launchKey }: SessionPlace, offset: number): Promise<void> {
    if (this.#lettingGo.has(session)) this.#letGoLater(session);
    await this.#calls.call(launchKey, service.takeSession, { session, offset });
  }

  async resize(
    { id: session, launchKey }: SessionPlace,
    size: { readonly columns: number; readonly rows: number },
  ): Promise<void> {
    await this.#calls.call(launchKey, service.resizeSession, { session, size: { ...size } });
  }

  async signal({ id: session, launchKey }: SessionPlace, signal: string): Promise<void> {
    await this.#calls.call(launchKey, service.signalSession, { session, signal });
  }

  async close(
    { id: session, launchKey }: Pick<SessionPlace, 'id' | 'launchKey'>,
    reason: string,
  ): Promise<void> {
    await this.#calls.call(launchKey, service.closeSession, { session, reason });
  }
}
