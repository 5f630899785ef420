/** Which children are in which host, as far as this agent knows. */
import { HoldfastError } from '../errors.ts';
import { hostRoom } from '../rpc/host-room.ts';
import type { Host } from '../rpc/spawn-host.ts';

export interface PooledHost {
  readonly id: string;
  readonly host: Host;
  /** Children placed here. */
  readonly keys: Set<string>;
  /** For how many children it has files enough. */
  room: number;
  isLive: boolean;
}

export class HostPlaces {
  readonly #perHost: number;
  readonly #protocol: number;
  readonly #hosts = new Map<string, PooledHost>();
  readonly #placed = new Map<string, PooledHost>();
  /** Of children without a place: the host that is gone and had them last. */
  readonly #lostWith = new Map<string, PooledHost>();

  /** How many children a host takes, and which conversation it must speak to be given new ones. */
  constructor({ perHost, protocol }: { readonly perHost: number; readonly protocol: number }) {
    this.#perHost = perHost;
    this.#protocol = protocol;
  }

  /** Every live host. */
  get hosts(): readonly PooledHost[] {
    return [...this.#hosts.values()];
  }

  add(host: Host): PooledHost {
    const { hostId: id, kind, pid } = host.address;
    const room = hostRoom(kind, pid);
    const pooled = { id, host, keys: new Set<string>(), room, isLive: true };
    this.#hosts.set(id, pooled);
    return pooled;
  }

  /** The host was lost: it keeps its keys, which have no place any more, until they are handed over. */
  remove(host: PooledHost): void {
    host.isLive = false;
    this.#hosts.delete(host.id);
    for (const key of host.keys) {
      this.#placed.delete(key);
      this.#lostWith.set(key, host);
    }
  }

  /** Who needs no new host to be given its children: one of those met that has room, or whoever has them already. */
  heirOf(lost: PooledHost, met: readonly PooledHost[]): PooledHost | undefined {
    const homeless = [...lost.keys].filter((key) => this.hostOf(key) === undefined);
    if (homeless.length > 0) return this.withRoom(homeless.length, met);
    const [first = ''] = lost.keys;
    return this.hostOf(first);
  }

  /** Settles what the lost host had and nobody placed since. */
  handOver(lost: PooledHost, by: PooledHost): void {
    for (const key of lost.keys) if (this.hostOf(key) === undefined) this.settle(key, by);
  }

  hostOf(key: string): PooledHost | undefined {
    return this.#placed.get(key);
  }

  /** Throws UNAVAILABLE for a child whose host was lost, and which nobody was given since. */
  assertSettled(key: string): void {
    if (!this.#lostWith.has(key)) return;
    throw new HoldfastError('UNAVAILABLE', 'its host was lost and could not be replaced so far');
  }

  settle(key: string, host: PooledHost): void {
    this.#placed.get(key)?.keys.delete(key);
    this.#lostWith.delete(key);
    host.keys.add(key);
    this.#placed.set(key, host);
  }

  /** One that refused it is full, whatever was thought. */
  forget(key: string, refusedBy?: PooledHost): void {
    this.#placed.get(key)?.keys.delete(key);
    this.#placed.delete(key);
    this.#lostWith.get(key)?.keys.delete(key);
    this.#lostWith.delete(key);
    if (refusedBy !== undefined) refusedBy.room = Math.min(refusedBy.room, refusedBy.keys.size);
  }

  /** One that can be given so many more children. */
  withRoom(children: number, among = this.hosts): PooledHost | undefined {
    return among.find(({ isLive, keys, host, room }) => {
      const hasRoom = keys.size + children <= Math.min(this.#perHost, room);
      return isLive && hasRoom && host.greeting.protocol >= this.#protocol;
    });
  }
}
