/**
 * Places child actors in shared hosts and keeps the hosts alive. A host is one OS process for up to `perHost` children
 * of its kind; one that dies is replaced at once, and its children are handed to the new one.
 */
import { randomUUID } from 'node:crypto';
import { HoldfastError, messageOf } from '../errors.ts';
import { dismissHost } from '../rpc/dismiss-host.ts';
import { underClaim } from '../rpc/host-claim.ts';
import { spawnHost, type Host } from '../rpc/spawn-host.ts';
import { findHosts } from './find-hosts.ts';
import type { HostPoolDoors } from './host-doors.ts';
import { HostPlaces, type PooledHost } from './host-places.ts';
import { untilGone } from './host-pulse.ts';
import { startedAtLast } from './host-start.ts';
import { untilNextLook } from './look-again.ts';
import { supervise, type ChildSpec } from './supervisor.ts';

export type { HostPoolDoors } from './host-doors.ts';
export type { PooledHost } from './host-places.ts';

/** Generous enough for somebody who kills hosts by hand, and still no tight loop: a start takes a tenth of a second. */
const INTENSITY = { restarts: 30, withinMs: 60_000 };
/** Never given up: nobody would watch the children of the lost one, and a machine out of processes recovers. */
const CARE = { restart: 'transient', intensity: INTENSITY, againAfterMs: 60_000 } as const;

export class HostPool {
  readonly #doors: HostPoolDoors;
  readonly #places: HostPlaces;
  /** Ids of all hosts that this agent has had to do with. */
  readonly #met = new Set<string>();
  readonly #closing = new AbortController();
  /** Waiting for a host that is being started or replaced. */
  #starting: Promise<void> | undefined;
  /** Children of a dead host whose replacement is under way. */
  readonly #homeless = new Map<string, Promise<unknown>>();

  constructor(doors: HostPoolDoors) {
    this.#doors = doors;
    this.#places = new HostPlaces(doors);
  }

  /** Takes in every live host that an earlier agent left. */
  async restore(): Promise<void> {
    await this.#meet();
  }

  /** Takes in hosts that others have started since, and has every host say again what it has. */
  async meetOthers(): Promise<void> {
    const met = await this.#alone((hosts) => Promise.resolve(hosts));
    const known = this.hosts.filter((host) => !met.includes(host));
    await Promise.all(known.map((host) => this.#greet(host, [])));
  }

  /**
   * While no agent lives, executor hosts start logmon hosts: whoever starts one looks first what others have started,
   * and they do not look meanwhile.
   */
  #alone<T>(work: (met: readonly PooledHost[]) => Promise<T>): Promise<T> {
    const { kind, stateDir } = this.#doors;
    if (kind !== 'logmon') return work([]);
    return underClaim(stateDir, kind, async () => {
      this.#assertOpen();
      return work(await this.#meet());
    });
  }

  async #meet(): Promise<readonly PooledHost[]> {
    const found = await findHosts(this.#doors, this.#met);
    return Promise.all(
      found.map(async (host) => {
        const pooled = this.#admit(host);
        // A connection that breaks meanwhile is made anew by whoever stands by.
        void this.#standBy(pooled);
        await this.#greet(pooled, []);
        return pooled;
      }),
    );
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw new HoldfastError('CLOSED', 'the agent is closing');
  }

  /** The live host that has the child, or undefined. */
  hostOf(key: string): PooledHost | undefined {
    return this.#places.hostOf(key);
  }

  /** Every live host. */
  get hosts(): readonly PooledHost[] {
    return this.#places.hosts;
  }

  /** The host for a child: the one that has it, one with room, or a new one. Errors: UNAVAILABLE, CLOSED. */
  async place(key: string): Promise<PooledHost> {
    await this.#homeless.get(key);
    for (;;) {
      this.#assertOpen();
      const found = this.#places.hostOf(key) ?? this.#places.withRoom(1);
      if (found !== undefined) {
        this.#places.settle(key, found);
        return found;
      }
      this.#starting ??= this.#startNew().finally(() => (this.#starting = undefined));
      await this.#starting;
    }
  }

  /** As `hostOf`, also when it had to be replaced just now. Throws UNAVAILABLE while it could not be replaced. */
  async whereIs(key: string): Promise<PooledHost | undefined> {
    await this.#homeless.get(key);
    this.#places.assertSettled(key);
    return this.#places.hostOf(key);
  }

  /** Notes that a host has this child, as it said itself. */
  note(key: string, host: PooledHost): void {
    if (this.hostOf(key) === undefined) this.#places.settle(key, host);
  }

  /** A host that refused it has no room for it: another one is given it. */
  forget(key: string, refusedBy?: PooledHost): void {
    this.#places.forget(key, refusedBy);
  }

  /** Tells hosts without children to end. */
  async dismissIdle(): Promise<void> {
    const idle = this.hosts.filter((one) => one.isLive && one.keys.size === 0);
    await Promise.all(idle.map(({ host }) => dismissHost(host, this.#doors.agentEpoch)));
  }

  /** Lets go of every host; they live on. */
  close(): void {
    this.#closing.abort();
    for (const { host } of this.hosts) host.channel.close();
  }

  #startNew(): Promise<void> {
    const start = async (): Promise<void> => {
      if (this.#places.withRoom(1) !== undefined) return;
      const host = this.#admit(await this.#spawn());
      void this.#greet(host, []);
      void this.#standBy(host);
    };
    return startedAtLast(() => this.#alone(start), this.#doors.logger, this.#closing.signal);
  }

  async #spawn(): Promise<Host> {
    const hostId = randomUUID().slice(0, 8);
    const { stateDir, kind, instanceId, agentEpoch, perHost } = this.#doors;
    const about = { stateDir, kind, hostId, instanceId, agentEpoch };
    // crash point: agent.host.before
    const host = await spawnHost({ ...about, tasksPerHost: perHost });
    // crash point: agent.host.up
    this.#doors.record('HostStarted', { hostId, kind, pid: host.address.pid });
    return host;
  }

  #admit(host: Host): PooledHost {
    this.#met.add(host.address.hostId);
    return this.#places.add(host);
  }

  /** Gives it these children. Resolves with how many it took over. */
  async #greet(host: PooledHost, adopted: readonly string[]): Promise<number> {
    try {
      return await this.#doors.onUp(host, adopted);
    } catch (error) {
      this.#doors.logger.warn(
        { hostId: host.id, error: messageOf(error) },
        'a host was not greeted',
      );
      return 0;
    }
  }

  /** When it is lost, another one takes its children. */
  async #standBy(first: PooledHost): Promise<void> {
    const { clock, kind, logger } = this.#doors;
    const spec: ChildSpec = { id: `${kind} host`, ...CARE };
    let current = first;
    await supervise(
      spec,
      async (attempt) => {
        try {
          if (attempt > 0) {
            const by = await this.#replace(current);
            if (by === undefined) return {};
            current = by;
          }
          const reason = await untilGone(current.host, this.#doors, this.#closing.signal);
          if (this.#closing.signal.aborted) return {};
          return this.#dismiss(current, reason);
        } catch (error) {
          await untilNextLook(this.#closing.signal);
          return { error };
        }
      },
      {
        clock,
        onRestart: (child, error) =>
          logger.warn({ child: child.id, error: messageOf(error) }, 'replaced'),
        onEscalate: (child, error) =>
          this.#doors.record('ChildEscalated', { child: child.id, message: error.message }),
      },
      this.#closing.signal,
    );
  }

  /** A host was lost. One that had children must be replaced: that is an error to the supervisor. */
  #dismiss(lost: PooledHost, reason: string): { error?: unknown } {
    const { kind } = this.#doors;
    this.#places.remove(lost);
    lost.host.channel.close();
    this.#doors.record('HostLost', { hostId: lost.id, kind, reason });
    if (lost.keys.size === 0) return {};
    return { error: new HoldfastError('EXECUTOR_LOST', `${kind} host ${lost.id} ended`) };
  }

  /** The new host, which nobody stands by so far; undefined when others took the children. */
  async #replace(lost: PooledHost): Promise<PooledHost | undefined> {
    const keys = [...lost.keys];
    const taking = this.#alone((met) => this.#takeIn(lost, met));
    const settled = taking.catch(() => undefined);
    for (const key of keys) this.#homeless.set(key, settled);
    try {
      return await taking;
    } finally {
      for (const key of keys) this.#homeless.delete(key);
    }
  }

  async #takeIn(lost: PooledHost, met: readonly PooledHost[]): Promise<PooledHost | undefined> {
    if (lost.keys.size === 0) return undefined;
    const heir = this.#places.heirOf(lost, met);
    const by = heir ?? this.#admit(await this.#spawn());
    // crash point: agent.host.replaced
    this.#places.handOver(lost, by);
    void this.#recordReplaced(lost, by, this.#greet(by, [...lost.keys]));
    return heir === undefined ? by : undefined;
  }

  /** When it is known whom it took over; one that was lost meanwhile has replaced nobody. */
  async #recordReplaced(lost: PooledHost, by: PooledHost, greeted: Promise<number>): Promise<void> {
    const adopted = await greeted;
    if (!by.isLive || this.#closing.signal.aborted) return;
    const { kind } = this.#doors;
    this.#doors.record('HostReplaced', { hostId: lost.id, kind, by: by.id, adopted });
  }
}
