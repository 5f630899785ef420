/** The commands that one host has beside programs; the comments of sessions.proto hold. */
import { HoldfastError } from '../../errors.ts';
import type * as wire from '../../rpc/gen/holdfast/executor/v1/sessions.ts';
import { assertSignal } from './assert-signal.ts';
import type { Commands } from './commands.ts';
import { type EndedSession, readEnd } from './ended-session.ts';
import { Forgotten } from './forgotten.ts';
import { Session } from './session.ts';

export class Sessions {
  readonly #commands: Commands;
  readonly #sessions = new Map<string, Session>();
  /** Closed or over: what asks for one of these comes too late. */
  readonly #over = new Forgotten<EndedSession>();

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  /** Commands that have not ended. */
  get living(): number {
    return [...this.#sessions.values()].filter(({ end }) => end === undefined).length;
  }

  /** Runs beside which there are any, living or still to be read. */
  get launchKeys(): ReadonlySet<string> {
    return new Set([...this.#sessions.values()].map(({ launchKey }) => launchKey));
  }

  async open(request: wire.OpenSessionRequest): Promise<wire.OpenSessionResponse> {
    if (!this.#sessions.has(request.session)) await this.#emptySlot(request);
    // Asked twice, it may have begun meanwhile.
    if (!this.#sessions.has(request.session)) this.#begin(request);
    await this.#sessions.get(request.session)?.command.begun;
    return {};
  }

  async #emptySlot({ launchKey, slot }: wire.OpenSessionRequest): Promise<void> {
    if (slot === '') return;
    for (const other of this.#sessions.values()) {
      const isThere = other.launchKey === launchKey && other.slot === slot;
      if (!isThere || other.end !== undefined) continue;
      const reason = 'another took its place';
      await this.close({ agentEpoch: 0, session: other.id, reason });
    }
  }

  #begin(request: wire.OpenSessionRequest): void {
    const { session: id, launchKey } = request;
    if (this.#over.has(id)) throw new HoldfastError('WRONG_STATE', `session ${id} is over`);
    const session = new Session({
      id,
      launchKey,
      slot: request.slot,
      begin: (hearing) => this.#commands.begin(request, hearing),
      onUnread: (unread) => this.#dropIfDone(unread),
      onForsaken: (forsaken) => this.#forsake(forsaken),
      onRefused: (refused) => this.#drop(refused),
    });
    this.#sessions.set(id, session);
  }

  #of(id: string): Session {
    const session = this.#sessions.get(id);
    if (session !== undefined) return session;
    throw new HoldfastError('NOT_FOUND', `this host has no session ${id}`);
  }

  attach(
    { session, after }: wire.AttachSessionRequest,
    signal: AbortSignal,
  ): AsyncIterable<wire.AttachSessionResponse> {
    const over = this.#over.of(session);
    return over ? readEnd(session, over, after) : this.#of(session).read(after, signal);
  }

  async write(request: wire.WriteSessionRequest): Promise<wire.WriteSessionResponse> {
    const { session, offset, data, closes } = request;
    return { offset: await this.#of(session).write(offset, data, closes) };
  }

  take({ session: id, offset }: wire.TakeSessionRequest): wire.TakeSessionResponse {
    const session = this.#sessions.get(id);
    session?.take(offset);
    if (session !== undefined) this.#dropIfDone(session);
    return {};
  }

  resize({ session, size }: wire.ResizeSessionRequest): wire.ResizeSessionResponse {
    if (size !== undefined) this.#of(session).resize(size);
    return {};
  }

  signal(request: wire.SignalSessionRequest): wire.SignalSessionResponse {
    const signal = assertSignal(request.signal);
    const { end, command } = this.#of(request.session);
    return { delivered: end === undefined && command.signal(signal) };
  }

  async wait(
    { session }: wire.WaitSessionRequest,
    signal: AbortSignal,
  ): Promise<wire.WaitSessionResponse> {
    return { end: await this.#of(session).wait(signal) };
  }

  /** Also of a session that a dead host had: what it left carries its id. */
  async close({
    session: id,
    reason,
  }: wire.CloseSessionRequest): Promise<wire.CloseSessionResponse> {
    const session = this.#sessions.get(id);
    if (session?.end !== undefined) return {};
    if (session === undefined) this.#over.add(id);
    if (session !== undefined) session.closing ??= reason;
    await this.#commands.hangUp(id);
    return {};
  }

  forget({ session: id }: wire.ForgetSessionRequest): wire.ForgetSessionResponse {
    const session = this.#sessions.get(id);
    if (session?.end === undefined) return {};
    session.isForgotten = true;
    this.#dropIfDone(session);
    return {};
  }

  /** The run is over and recorded so: that was the end of everything beside it. */
  forgetRun(launchKey: string): void {
    for (const session of this.#sessions.values()) {
      if (session.launchKey !== launchKey || session.end === undefined) continue;
      session.isForgotten = true;
      this.#dropIfDone(session);
    }
  }

  #forsake(session: Session): void {
    if (session.end === undefined) {
      void this.close({ agentEpoch: 0, session: session.id, reason: 'nobody read it for 30 s' });
      return;
    }
    session.dropOutput();
    this.#dropIfDone(session);
  }

  #dropIfDone(session: Session): void {
    if (session.isDone) this.#drop(session);
  }

  #drop(session: Session): void {
    session.discard();
    this.#over.add(session.id, session.leaves);
    this.#sessions.delete(session.id);
  }
}
