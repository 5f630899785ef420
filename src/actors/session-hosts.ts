/** Which host has, or is to have, the commands beside a run. */
import type { SessionHostPlace } from '../drivers/session.ts';
import { HoldfastError } from '../errors.ts';
import { findHost } from '../rpc/spawn-host.ts';
import type { HostPool, PooledHost } from './host-pool.ts';

export interface SessionHosts {
  /** Undefined: none has the run. Throws UNAVAILABLE while the one that had it is being replaced. */
  whereIs(launchKey: string): Promise<PooledHost | undefined>;
  /** The host for a command in a container, which none needs to have so far. Errors: UNAVAILABLE, CLOSED. */
  placeInContainer(launchKey: string): Promise<PooledHost>;
  /** Every live host that may have any. */
  readonly all: readonly PooledHost[];
}

export interface SessionHostsDoors {
  /** The hosts of programs that are processes. */
  readonly runs: HostPool;
  /** Those that move what containers write. Left out: there are none. */
  readonly output?: HostPool;
  /** Those that drivers have of their own. Left out: there are none. */
  readonly foreign?: ForeignHosts;
}

export function sessionHosts({ runs, output, foreign }: SessionHostsDoors): SessionHosts {
  return {
    whereIs: async (launchKey) =>
      (await runs.whereIs(launchKey)) ??
      (await output?.whereIs(launchKey)) ??
      foreign?.whereIs(launchKey),
    async placeInContainer(launchKey) {
      if (output !== undefined) return output.place(launchKey);
      const text = 'nobody here has commands in containers';
      throw new HoldfastError('CAPABILITY_MISSING', text);
    },
    get all() {
      const all = [...runs.hosts, ...(output?.hosts ?? []), ...(foreign?.all ?? [])];
      return all.filter(({ isLive }) => isLive);
    },
  };
}

export interface ForeignDoors {
  readonly instanceId: string;
  readonly agentEpoch: number;
  /** Asks the drivers. */
  readonly placeOf: (launchKey: string) => Promise<SessionHostPlace | undefined>;
}

/** Hosts that a driver started and replaces: the agent only speaks with them. */
export class ForeignHosts {
  readonly #doors: ForeignDoors;
  /** By their directory. */
  readonly #met = new Map<string, PooledHost>();

  readonly #meeting = new Map<string, Promise<PooledHost>>();

  constructor(doors: ForeignDoors) {
    this.#doors = doors;
  }

  get all(): readonly PooledHost[] {
    return [...this.#met.values()];
  }

  /** A host that lives keeps its runs: the driver is asked again when it does not. Throws UNAVAILABLE. */
  async whereIs(launchKey: string): Promise<PooledHost | undefined> {
    const last = this.all.find(({ keys }) => keys.has(launchKey));
    if (last !== undefined && (await last.host.channel.reconnect())) return last;
    const place = await this.#doors.placeOf(launchKey);
    if (place === undefined) return undefined;
    const found = await this.#meet(place);
    found.keys.add(launchKey);
    return found;
  }

  async #meet(place: SessionHostPlace): Promise<PooledHost> {
    const key = `${place.stateDir}/${place.hostId}`;
    const known = this.#met.get(key);
    if (known !== undefined && (await known.host.channel.reconnect())) return known;
    // Two calls at once meet it once: a second connection would take the place of the first under its calls.
    const meeting = this.#meeting.get(key) ?? this.#connect(key, place);
    this.#meeting.set(key, meeting);
    return meeting.finally(() => this.#meeting.delete(key));
  }

  async #connect(key: string, place: SessionHostPlace): Promise<PooledHost> {
    const { instanceId, agentEpoch } = this.#doors;
    const host = await findHost({ ...place, kind: 'executor', instanceId, agentEpoch });
    this.#drop(key);
    const found = { id: place.hostId, host, keys: new Set<string>(), room: 0, isLive: true };
    this.#met.set(key, found);
    return found;
  }

  #drop(key: string): void {
    const known = this.#met.get(key);
    if (known === undefined) return;
    known.isLive = false;
    known.host.channel.close();
    this.#met.delete(key);
  }

  close(): void {
    for (const key of this.#met.keys()) this.#drop(key);
  }
}
