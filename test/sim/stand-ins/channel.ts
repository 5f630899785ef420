/** The connection from an agent to a host of the simulated machine, and what may become of a call on its way. */
import { HoldfastError } from '../../../src/errors.ts';
import { failureToSend } from '../../../src/rpc/error-bytes.ts';
import { Waiters } from '../../../src/rpc/waiters.ts';
import type { Process } from '../world/processes.ts';
import { Killed, theWorld, type World } from '../world/world.ts';

export type Served = (request: never, signal: AbortSignal) => unknown;

/** A host that listens: its process, and what answers each method by its last name. */
export interface Listener {
  readonly process: Process;
  readonly methods: Readonly<Record<string, Served>>;
  /** Connections, as the host sees them. */
  readonly callers: Set<object>;
}

interface Talk {
  readonly path: string;
  readonly begunAtMs: number;
  readonly onItem: (message: unknown) => void;
  readonly onEnd: (error: HoldfastError | undefined) => void;
  /** The host's side: aborted when the caller leaves or is gone. */
  readonly hostSignal: AbortController;
}

/** Streams, and the question whether a host answers. */
const UNAWAITED = /\/(Hello|Follow|Stats|AttachSession)$/;

export class SimulatedChannel {
  readonly agent: Process;
  readonly host: Listener;
  readonly #world: World;
  readonly #talks = new Set<Talk>();
  /** What is on its way in each direction: a socket keeps the order. */
  readonly #toHostQueue: (() => void)[] = [];
  readonly #toAgentQueue: (() => void)[] = [];
  readonly #whenBroken = new Waiters();
  #isConnected = true;
  #isClosed = false;

  constructor(host: Listener) {
    this.#world = theWorld();
    this.agent = this.#world.self;
    this.host = host;
    host.callers.add(this);
    const { scheduler } = this.#world;
    host.process.onEnd.push(() => {
      scheduler.after(this.#world.latencyMs, this.agent, 'connection ends', () => this.#break());
    });
    this.agent.onEnd.push(() => {
      scheduler.after(this.#world.latencyMs, host.process, 'agent is gone', () => {
        host.callers.delete(this);
        for (const { hostSignal } of this.#talks) hostSignal.abort();
      });
    });
  }

  #break(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#toHost(() => this.#isConnected || this.host.callers.delete(this));
    const talks = [...this.#talks];
    this.#talks.clear();
    for (const { path, hostSignal } of talks) {
      if (path.includes('Session')) this.#toHost(() => hostSignal.abort());
    }
    for (const talk of talks) talk.onEnd(lost(talk.path));
    this.#whenBroken.wake();
  }

  /** Begins a call; returns the way to leave it. */
  begin(path: string, request: unknown, talk: Pick<Talk, 'onItem' | 'onEnd'>): () => void {
    const world = this.#world;
    world.interrupt(`before ${path}`);
    if (!this.#isConnected) throw lost(path);
    if (world.faults.strike('cut', path)) {
      this.#break();
      throw lost(path);
    }
    const begunAtMs = world.nowMs;
    const own: Talk = { ...talk, path, begunAtMs, hostSignal: new AbortController() };
    this.#talks.add(own);
    if (world.faults.strike('callLost', path)) {
      this.#toAgent(own, 50, () => own.onEnd(lost(path)));
    } else {
      // Whoever asks for a stream twice reads another one.
      const isOnce = path.endsWith('/AttachSession');
      const times = !isOnce && world.faults.strike('callTwice', path) ? 2 : 1;
      for (let count = 0; count < times; count += 1) this.#deliver(own, structuredClone(request));
    }
    world.interrupt(`after sending ${path}`);
    return () => {
      this.#talks.delete(own);
      this.#toHost(() => own.hostSignal.abort());
    };
  }

  /** Undefined for what comes in time. */
  #lateMs(path: string): number | undefined {
    const { faults, chance } = this.#world;
    if (!faults.strike('callLate', path)) return undefined;
    return chance.pick([80, 1_000, 12_000, 65_000, 300_000]);
  }

  #toHost(work: () => void): void {
    const { scheduler, latencyMs } = this.#world;
    this.#toHostQueue.push(work);
    scheduler.after(latencyMs, this.host.process, 'hears', () => this.#toHostQueue.shift()?.());
  }

  /** A late one is overtaken: the host was slow to begin with it. */
  #deliver(talk: Talk, request: unknown): void {
    const { scheduler } = this.#world;
    const lateMs = this.#lateMs(talk.path);
    const serve = (): void => void this.#serve(talk, request);
    if (lateMs === undefined) this.#toHost(serve);
    else scheduler.after(lateMs, this.host.process, `serves ${talk.path} late`, serve);
  }

  async #serve(talk: Talk, request: unknown): Promise<void> {
    const world = this.#world;
    const { path, hostSignal } = talk;
    try {
      world.note(`serves ${path}`);
      const method = this.host.methods[path.slice(path.lastIndexOf('/') + 1)] as Served;
      const answer = method(request as never, hostSignal.signal);
      if (isStream(answer)) {
        for await (const item of answer) {
          this.#toAgent(talk, undefined, () => talk.onItem(structuredClone(item)));
        }
        this.#toAgent(talk, undefined, () => this.#end(talk, undefined));
        return;
      }
      this.#answer(talk, await answer);
    } catch (error) {
      if (error instanceof Killed || this.host.process.isDead) return;
      const sent = failureToSend(error);
      this.#toAgent(talk, undefined, () => this.#end(talk, sent));
    }
  }

  #answer(talk: Talk, message: unknown): void {
    const world = this.#world;
    if (world.faults.strike('answerLost', talk.path)) {
      this.#toAgent(talk, 20, () => this.#end(talk, lost(talk.path)));
      return;
    }
    this.#toAgent(talk, this.#lateMs(talk.path), () => {
      talk.onItem(structuredClone(message));
      this.#end(talk, undefined);
    });
  }

  #end(talk: Talk, error: HoldfastError | undefined): void {
    if (!this.#talks.delete(talk)) return;
    talk.onEnd(error);
  }

  #toAgent(talk: Talk, lateMs: number | undefined, work: () => void): void {
    const { scheduler, latencyMs } = this.#world;
    const hear = (): void => {
      try {
        if (!this.#talks.has(talk)) return;
        this.#world.interrupt(`before the answer of ${talk.path}`);
        work();
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
    };
    if (lateMs !== undefined) {
      scheduler.after(lateMs, this.agent, `late answer of ${talk.path}`, hear);
      return;
    }
    this.#toAgentQueue.push(hear);
    const next = (): void => this.#toAgentQueue.shift()?.();
    scheduler.after(latencyMs, this.agent, `answer of ${talk.path}`, next);
  }

  waitedMs(): number {
    const awaited = [...this.#talks].find(({ path }) => !UNAWAITED.test(path));
    return awaited === undefined ? 0 : this.#world.nowMs - awaited.begunAtMs;
  }

  untilBroken(signal: AbortSignal): Promise<void> {
    return this.#isConnected ? this.#whenBroken.wait(signal) : Promise.resolve();
  }

  async reconnect(): Promise<boolean> {
    this.#isConnected ||= !this.#isClosed && !this.host.process.isDead;
    if (this.#isConnected) this.host.callers.add(this);
    return this.#isConnected;
  }

  close(): void {
    this.#isClosed = true;
    this.#break();
  }
}

function isStream(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
}

function lost(path: string): HoldfastError {
  return new HoldfastError('UNAVAILABLE', `${path}: the connection ended`);
}
