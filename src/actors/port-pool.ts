/**
 * Ports of this machine for groups that ask for some. Who has which is what live allocs have recorded, and what was
 * given by this agent and is not recorded yet. Nothing else is kept, so nothing can be forgotten.
 */
import { HoldfastError } from '../errors.ts';
import { isAllocLive } from '../machines/alloc-facts.ts';
import type { AllocState } from '../machines/alloc-machine.ts';
import { mainAddress, portState, type PortState } from '../os/port-probe.ts';
import type { Random } from '../ports.ts';
import type { AssignedPort, PortWish } from '../spec/network-spec.ts';
import { candidates, DYNAMIC_PORTS, type PortRange } from '../spec/port-range.ts';

/** What the operator decides about ports. */
export interface PortRules {
  /** For ports that may be any. Default 20,000 to 32,000, as in Nomad; both are in it. */
  readonly dynamicPorts?: PortRange;
  /** Never given, not even as static ports. */
  readonly reservedPorts?: readonly number[];
  /** Addresses of the machine, by the names that groups may ask for. */
  readonly hostNetworks?: Readonly<Record<string, string>>;
  /** What groups are told that others connect to. Default: the address of the default route. */
  readonly hostIp?: string;
}

export interface PortDoors {
  /** Every alloc that the log knows, as it stands. */
  readonly allocs: () => Iterable<readonly [allocId: string, state: AllocState]>;
  readonly random: Pick<Random, 'fraction'>;
  /** Resolves when what ended allocs had on their ports is taken away. */
  readonly settled?: () => Promise<void>;
  readonly probe?: (port: number, ip?: string) => Promise<PortState>;
}

interface Holder {
  readonly allocId: string;
  readonly name: string;
  readonly port: AssignedPort;
}

export class PortPool {
  readonly #rules: PortRules;
  readonly #doors: PortDoors;
  readonly #probe: (port: number, ip?: string) => Promise<PortState>;
  readonly #given = new Map<string, readonly Holder[]>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(doors: PortDoors, rules: PortRules = {}) {
    this.#doors = doors;
    this.#rules = rules;
    this.#probe = doors.probe ?? portState;
  }

  /**
   * All or none, one alloc after the other. They are its own until it has ended or `release` is called. `replaces` is
   * the alloc from which it takes over, with its ports where it wants the same. Errors: PORT_IN_USE with who has it,
   * RESOURCES_EXHAUSTED, CAPABILITY_MISSING for a host network that is not here.
   */
  take(
    allocId: string,
    name: string,
    wishes: readonly PortWish[],
    replaces?: string,
  ): Promise<readonly AssignedPort[]> {
    const taken = this.#last.then(async () => {
      await this.#doors.settled?.();
      const before = this.#lineOf(replaces);
      const own: Holder[] = [];
      // Those that may be any get out of the way of those that must not.
      const firm = wishes.filter((wish) => wish.static !== undefined);
      for (const wish of [...firm, ...wishes.filter((one) => !firm.includes(one))]) {
        own.push({ allocId, name, port: await this.#portFor(wish, own, before) });
      }
      this.#given.set(allocId, own);
      const ports = own.map(({ port }) => port);
      return wishes.map(({ label }) => ports.find((port) => port.label === label) as AssignedPort);
    });
    this.#last = taken.catch(() => undefined);
    return taken;
  }

  /** The alloc was not accepted after all. */
  release(allocId: string): void {
    this.#given.delete(allocId);
  }

  /** The alloc and those from which it takes over itself: what they have is free when they are over. */
  #lineOf(replaces: string | undefined): ReadonlySet<string> {
    const states = new Map(this.#doors.allocs());
    const line = new Set<string>();
    for (let next = replaces; next !== undefined && !line.has(next);) {
      line.add(next);
      next = states.get(next)?.context.predecessor;
    }
    return line;
  }

  async #portFor(
    wish: PortWish,
    own: readonly Holder[],
    before: ReadonlySet<string>,
  ): Promise<AssignedPort> {
    const { label, to, hostNetwork, isShared } = wish;
    const place = this.#placeOf(wish);
    const more = to === undefined ? {} : { to };
    const found = { label, ...place, ...more, ...(hostNetwork !== undefined && { hostNetwork }) };
    const held = [...this.#holders(), ...own];
    if (wish.static === undefined) return { ...found, hostPort: await this.#any(found, held) };
    const port = { ...found, hostPort: wish.static, ...(isShared === true && { isShared }) };
    const isLeft = ({ allocId, port: other }: Holder): boolean =>
      before.has(allocId) && isSame(other, port);
    const others = held.filter(({ allocId }) => !before.has(allocId));
    await this.#assertFree(port, others, held.some(isLeft));
    return port;
  }

  #placeOf({ label, hostNetwork }: PortWish): { readonly hostIp: string } {
    const { hostNetworks = {}, hostIp } = this.#rules;
    if (hostNetwork === undefined) return { hostIp: hostIp ?? mainAddress() };
    if (Object.hasOwn(hostNetworks, hostNetwork)) {
      return { hostIp: hostNetworks[hostNetwork] as string };
    }
    const known = Object.keys(hostNetworks).join(', ') || 'none';
    const text = `port ${label}: this agent has no host network ${hostNetwork} (known: ${known})`;
    throw new HoldfastError('CAPABILITY_MISSING', text);
  }

  *#holders(): Generator<Holder> {
    for (const [allocId, state] of this.#doors.allocs()) {
      // Recorded, or over.
      this.#given.delete(allocId);
      const { name, ports = [] } = state.context;
      if (!isAllocLive(state.value)) continue;
      for (const port of ports) yield { allocId, name, port };
    }
    for (const holders of this.#given.values()) yield* holders;
  }

  /** `isLeft`: whoever listens on it now will be over. */
  async #assertFree(port: AssignedPort, held: readonly Holder[], isLeft: boolean): Promise<void> {
    const { label, hostPort, hostIp, hostNetwork } = port;
    const what = `port ${label}: ${hostPort}`;
    if ((this.#rules.reservedPorts ?? []).includes(hostPort)) {
      const text = `${what} is one that this agent gives to nobody: its operator has reserved it`;
      throw new HoldfastError('PORT_IN_USE', text, { retryable: false });
    }
    const holder = held.find((one) => isSame(one.port, port) && !areShared(one.port, port));
    if (holder !== undefined) {
      const { allocId, name } = holder;
      const text = `${what} is that of alloc ${name} (${allocId}) until it has ended: port ${holder.port.label}`;
      throw new HoldfastError('PORT_IN_USE', text, { details: { port: hostPort, allocId } });
    }
    if (port.isShared === true || isLeft) return;
    const state = await this.#probe(hostPort, hostNetwork === undefined ? undefined : hostIp);
    if (state === 'foreign') throw foreign(port);
    if (state !== 'taken') return;
    const text = `${what} is used by a program of this machine that is no task here: ss -lntup 'sport = :${hostPort}' shows it`;
    throw new HoldfastError('PORT_IN_USE', text, { details: { port: hostPort } });
  }

  /** One after the other from a place that chance tells: a port that has just become free is not the next. */
  async #any(place: Omit<AssignedPort, 'hostPort'>, held: readonly Holder[]): Promise<number> {
    const { dynamicPorts = DYNAMIC_PORTS, reservedPorts = [] } = this.#rules;
    const ip = place.hostNetwork === undefined ? undefined : place.hostIp;
    for (const hostPort of candidates(dynamicPorts, this.#doors.random.fraction())) {
      const port = { ...place, hostPort };
      if (reservedPorts.includes(hostPort) || held.some((one) => isSame(one.port, port))) continue;
      const state = await this.#probe(hostPort, ip);
      if (state === 'foreign') throw foreign(port);
      if (state !== 'taken') return hostPort;
    }
    const { from, to } = dynamicPorts;
    const text = `port ${place.label}: all ports from ${from} to ${to} are taken: wait for a group to end, or have the operator widen network.dynamicPorts`;
    throw new HoldfastError('RESOURCES_EXHAUSTED', text);
  }
}

/** One of them could not be had beside the other. */
function isSame(one: AssignedPort, other: AssignedPort): boolean {
  if (one.hostPort !== other.hostPort) return false;
  const isEverywhere = one.hostNetwork === undefined || other.hostNetwork === undefined;
  return isEverywhere || one.hostIp === other.hostIp;
}

function areShared(one: AssignedPort, other: AssignedPort): boolean {
  return one.isShared === true && other.isShared === true;
}

function foreign({ label, hostIp, hostNetwork }: AssignedPort): HoldfastError {
  const text = `port ${label}: host network ${hostNetwork ?? 'default'} is ${hostIp}, which no interface of this machine has`;
  return new HoldfastError('CAPABILITY_MISSING', text);
}
