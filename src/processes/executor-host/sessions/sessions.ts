/** The commands that this host runs beside its programs; the comments of sessions.proto hold. */
import { HoldfastError } from '../../../errors.ts';
import { reapStatus } from '../../../os/attached-process.ts';
import { signalGroup } from '../../../os/process-tree.ts';
import type * as wire from '../../../rpc/gen/holdfast/executor/v1/sessions.ts';
import { Forgotten } from '../forgotten.ts';
import type { Run } from '../run.ts';
import { oomKillsOf } from '../run-cgroup.ts';
import { assertSignal } from '../stop.ts';
import { type CommandStreams, pipeStreams, type Sink, terminalStreams } from './command-streams.ts';
import { type EndedSession, readEnd } from './ended-session.ts';
import { Session } from './session.ts';
import { SessionStarts, type StartsDoors } from './session-starts.ts';
import { hangUp } from './session-tree.ts';

export interface SessionsDoors extends StartsDoors {
  /** A run of this host whose program lives. */
  readonly livingRun: (launchKey: string) => Run | undefined;
}

export class Sessions {
  readonly #doors: SessionsDoors;
  readonly #sessions = new Map<string, Session>();
  readonly #starts: SessionStarts;
  /** Closed or over: what asks for one of these comes too late. */
  readonly #over = new Forgotten<EndedSession>();
  #isCounting = false;

  constructor(doors: SessionsDoors) {
    this.#doors = doors;
    this.#starts = new SessionStarts(doors);
  }

  /** Commands that have not ended. */
  get living(): number {
    return [...this.#sessions.values()].filter(({ end }) => end === undefined).length;
  }

  async open(request: wire.OpenSessionRequest): Promise<wire.OpenSessionResponse> {
    if (!this.#sessions.has(request.session)) await this.#emptySlot(request);
    // Asked twice, it may have begun meanwhile.
    if (!this.#sessions.has(request.session)) this.#begin(request);
    await this.#starts.begun(request.session);
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
    const run = this.#doors.livingRun(launchKey);
    if (run === undefined) {
      throw new HoldfastError('WRONG_STATE', 'the program does not run here');
    }
    const start = this.#starts.prepare(request, run);
    const oomKillsBefore = oomKillsOf(run.cgroup);
    // crash point: executor.session.opening
    this.#countChildren();
    const session = new Session({
      id,
      launchKey,
      slot: request.slot,
      start: (sink) => this.#starts.launch(request, start, () => streamsFor(request, sink)),
      isOutOfMemory: () => oomKillsOf(run.cgroup) > oomKillsBefore,
      onUnread: (unread) => this.#dropIfDone(unread),
      onForsaken: (forsaken) => this.#forsake(forsaken),
    });
    this.#sessions.set(id, session);
    // crash point: executor.session.opened
  }

  /** From the first command on: its end is told by SIGCHLD like that of a shim. */
  #countChildren(): void {
    if (this.#isCounting) return;
    this.#isCounting = true;
    process.on('SIGCHLD', () => {
      for (const session of this.#sessions.values()) this.#count(session);
    });
  }

  #count(session: Session): void {
    if (session.end !== undefined) return;
    const { pid } = session.leader;
    const status = reapStatus(pid);
    if (status === undefined) return;
    const counted = this.#starts.counted(session.id, pid, status);
    if (counted.is === 'begun') {
      session.leader = counted.leader;
      // It may have ended before what started it.
      this.#count(session);
    } else if (counted.is === 'ended') {
      session.ended(counted.end, counted.why);
    } else {
      session.ended(status);
      this.#drop(session);
    }
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
    const { end, leader } = this.#of(request.session);
    return {
      delivered: end === undefined && signalGroup(leader, this.#doors.machineEpoch, signal),
    };
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
    // crash point: executor.session.closing
    if (session !== undefined) session.closing ??= reason;
    await hangUp({ id, leader: session?.leader }, this.#doors.machineEpoch);
    if (session !== undefined) this.#count(session);
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

function streamsFor(
  { terminal, confinement }: wire.OpenSessionRequest,
  sink: Sink,
): CommandStreams {
  if (terminal === undefined) return pipeStreams(sink);
  return terminalStreams(terminal, confinement?.isolation !== undefined, sink);
}
