/**
 * Places child actors in shared hosts and keeps the hosts alive. A host is one OS process for up to `perHost` children
 * of its kind; one that dies is replaced at once, and its children are handed to the new one.
 */
import { randomUUID } from 'node:crypto';
import { HoldfastError, isRetryable, messageOf } from '../errors.ts';
import type { NodeEvent } from '../events/node-event.ts';
import type { Facts } from '../machines/chart-parts.ts';
import type { Clock, Logger } from '../ports.ts';
import type { HostKind } from '../rpc/address-file.ts';
import { dismissHost } from '../rpc/dismiss-host.ts';
import { untilLost } from '../rpc/host-loss.ts';
import { spawnHost, type Host } from '../rpc/spawn-host.ts';
import { findHosts } from './find-hosts.ts';
import { endWhenMute, PULSE, type Pulse } from './host-pulse.ts';
import { supervise, type ChildSpec } from './supervisor.ts';

export interface PooledHost {
  readonly id: string;
  readonly host: Host;
  /** Children placed here. */
  readonly keys: Set<string>;
  isLive: boolean;
}

interface Greeted extends PooledHost {
  /** How many children it took over. */
  greeted: Promise<number>;
}

export interface HostPoolDoors {
  readonly kind: HostKind;
  readonly stateDir: string;
  readonly instanceId: string;
  readonly agentEpoch: number;
  readonly machineEpoch: string;
  readonly perHost: number;
  /** The conversation that a host must speak to be given new children; one of an older agent keeps those it has. */
  readonly protocol: number;
  /** How it is noticed that a host does not answer any more. */
  readonly pulse?: Pulse;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Appends a fact to the node's stream. */
  readonly record: <T extends NodeEvent['type']>(type: T, facts: Facts<NodeEvent, T>) => void;
  /** A host is up. `adopted` are the children it is to take over from a dead one: resolves with how many it has. */
  readonly onUp: (host: PooledHost, adopted: readonly string[]) => Promise<number>;
}

/** Generous enough for somebody who kills hosts by hand, and still no tight loop: a start takes a tenth of a second. */
const INTENSITY = { restarts: 30, withinMs: 60_000 };
/** How often a new host is tried before whoever wanted it is told. */
const START_ATTEMPTS = 3;

export class HostPool {
  readonly #doors: HostPoolDoors;
  readonly #hosts = new Map<string, PooledHost>();
  readonly #placed = new Map<string, PooledHost>();
  readonly #closing = new AbortController();
  /** Waiting for a host that is being started or replaced. */
  #starting: Promise<PooledHost> | undefined;
  /** Children of a dead host whose replacement is under way. */
  readonly #homeless = new Map<string, Promise<unknown>>();

  constructor(doors: HostPoolDoors) {
    this.#doors = doors;
  }

  /** Takes in every live host that an earlier agent left. */
  async restore(): Promise<void> {
    const found = await findHosts(this.#doors);
    await Promise.all(found.map((host) => this.#admit(host, []).greeted));
  }

  /** The live host that has the child, or undefined. */
  hostOf(key: string): PooledHost | undefined {
    return this.#placed.get(key);
  }

  /** Every live host. */
  get hosts(): readonly PooledHost[] {
    return [...this.#hosts.values()];
  }

  /** The host for a child: the one that has it, one with room, or a new one. Errors: UNAVAILABLE, CLOSED. */
  async place(key: string): Promise<PooledHost> {
    await this.#homeless.get(key);
    for (;;) {
      if (this.#closing.signal.aborted) throw new HoldfastError('CLOSED', 'the agent is closing');
      const found = this.#placed.get(key) ?? this.#withRoom();
      if (found !== undefined) {
        this.#settle(key, found);
        return found;
      }
      this.#starting ??= this.#startNew().finally(() => (this.#starting = undefined));
      await this.#starting;
    }
  }

  /** The live host that has the child, also when it had to be replaced just now. Nothing is placed because of this. */
  async whereIs(key: string): Promise<PooledHost | undefined> {
    await this.#homeless.get(key);
    return this.#placed.get(key);
  }

  /** Notes that a host has this child, as it said itself. */
  note(key: string, host: PooledHost): void {
    if (!this.#placed.has(key)) this.#settle(key, host);
  }

  forget(key: string): void {
    this.#placed.get(key)?.keys.delete(key);
    this.#placed.delete(key);
  }

  /** Tells hosts without children to end. */
  async dismissIdle(): Promise<void> {
    const idle = this.hosts.filter((one) => one.isLive && one.keys.size === 0);
    await Promise.all(idle.map(({ host }) => dismissHost(host, this.#doors.agentEpoch)));
  }

  /** Lets go of every host; they live on. */
  close(): void {
    this.#closing.abort();
    for (const { host } of this.#hosts.values()) host.channel.close();
  }

  #settle(key: string, host: PooledHost): void {
    host.keys.add(key);
    this.#placed.set(key, host);
  }

  #withRoom(): PooledHost | undefined {
    const { perHost, protocol } = this.#doors;
    return this.hosts.find(({ isLive, keys, host }) => {
      return isLive && keys.size < perHost && host.greeting.protocol >= protocol;
    });
  }

  /** A host that dies while it starts is no reason for a task to fail: another one is tried. */
  async #startNew(): Promise<PooledHost> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#spawn([]);
      } catch (error) {
        const isOver = attempt >= START_ATTEMPTS || this.#closing.signal.aborted;
        if (isOver || !isRetryable(error)) throw error;
        this.#doors.logger.warn({ error: messageOf(error) }, 'a host did not start, trying again');
      }
    }
  }

  async #spawn(adopted: readonly string[]): Promise<Greeted> {
    const hostId = randomUUID().slice(0, 8);
    const { stateDir, kind, instanceId, agentEpoch } = this.#doors;
    // crash point: agent.host.before
    const host = await spawnHost({ stateDir, kind, hostId, instanceId, agentEpoch });
    // crash point: agent.host.up
    this.#doors.record('HostStarted', { hostId, kind, pid: host.address.pid });
    return this.#admit(host, adopted);
  }

  /** Takes a host in and stands by it: when it is lost, another one takes its children. */
  #admit(host: Host, adopted: readonly string[]): Greeted {
    const hostId = host.address.hostId;
    const keys = new Set<string>();
    const pooled = { id: hostId, host, keys, isLive: true, greeted: Promise.resolve(0) };
    this.#hosts.set(pooled.id, pooled);
    for (const key of adopted) this.#settle(key, pooled);
    pooled.greeted = this.#doors.onUp(pooled, adopted).catch((error: unknown) => {
      this.#doors.logger.warn({ hostId, error: messageOf(error) }, 'a host was not greeted');
      return 0;
    });
    if (adopted.length === 0) void this.#standBy(pooled);
    return pooled;
  }

  async #standBy(first: PooledHost): Promise<void> {
    const { clock, kind, logger } = this.#doors;
    const spec: ChildSpec = { id: `${kind} host`, restart: 'transient', intensity: INTENSITY };
    let current = first;
    await supervise(
      spec,
      async (attempt) => {
        try {
          if (attempt > 0) current = await this.#replace(current);
          const reason = await this.#untilGone(current.host);
          if (this.#closing.signal.aborted) return {};
          return this.#dismiss(current, reason);
        } catch (error) {
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

  /** Resolves when the host's process has ended, by itself or because it was mute, or when the pool closes. */
  async #untilGone(host: Host): Promise<string> {
    const { machineEpoch, pulse = PULSE } = this.#doors;
    const gone = new AbortController();
    const signal = AbortSignal.any([gone.signal, this.#closing.signal]);
    const ended = endWhenMute(host, this.#doors, pulse, signal);
    await untilLost(host, machineEpoch, this.#closing.signal);
    gone.abort();
    return (await ended) ? 'it was mute and was ended' : 'the process ended';
  }

  /** A host was lost. One that had children must be replaced: that is an error to the supervisor. */
  #dismiss(lost: PooledHost, reason: string): { error?: unknown } {
    const { kind } = this.#doors;
    lost.isLive = false;
    this.#hosts.delete(lost.id);
    lost.host.channel.close();
    this.#doors.record('HostLost', { hostId: lost.id, kind, reason });
    if (lost.keys.size === 0) return {};
    for (const key of lost.keys) this.#placed.delete(key);
    return { error: new HoldfastError('EXECUTOR_LOST', `${kind} host ${lost.id} ended`) };
  }

  async #replace(lost: PooledHost): Promise<PooledHost> {
    const keys = [...lost.keys];
    const spawned = this.#spawn(keys);
    const settled = spawned.catch(() => undefined);
    for (const key of keys) this.#homeless.set(key, settled);
    try {
      const by = await spawned;
      // crash point: agent.host.replaced
      void this.#recordReplaced(lost, by);
      return by;
    } finally {
      for (const key of keys) this.#homeless.delete(key);
    }
  }
  /** When it is known whom it took over; one that was lost meanwhile has replaced nobody. */
  async #recordReplaced(lost: PooledHost, by: Greeted): Promise<void> {
    const adopted = await by.greeted;
    if (!by.isLive || this.#closing.signal.aborted) return;
    const { kind } = this.#doors;
    this.#doors.record('HostReplaced', { hostId: lost.id, kind, by: by.id, adopted });
  }
}
