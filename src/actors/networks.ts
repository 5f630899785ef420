/** The networks of an agent's allocs, one thing at a time for each: made for the living, taken away when they end. */
import { HoldfastError, messageOf } from '../errors.ts';
import type { NetworkFiles, SharedNetwork } from '../hooks/network-door.ts';
import {
  bridgeList,
  findList,
  mapsPorts,
  programsOf,
  type BridgeRules,
} from '../network/cni-lists.ts';
import type { CniList } from '../network/cni-list.ts';
import { findPlugin, missingPlugin } from '../network/cni-plugin.ts';
import type { GroupNetworks, NetworkFound, NetworkWish } from '../network/group-network.ts';
import type { NetworkRecords } from '../network/network-record.ts';
import { requireCapability, type MachineCapability } from '../os/machine-capabilities.ts';
import { isInstalled } from '../os/network-namespace.ts';
import { textOf } from '../os/quiet-reads.ts';
import type { Logger } from '../ports.ts';
import type { AssignedPort, NetworkSpec } from '../spec/network-spec.ts';
import { hostsFile, resolvConf } from '../spec/resolv-conf.ts';

/** What the operator decides about networks of groups. */
export interface CniRules {
  /** Directories of CNI plugins. Default /opt/cni/bin, then /usr/lib/cni. */
  readonly cniPath?: readonly string[];
  /** Directories of lists for `cni/NAME`. Default /opt/cni/config, then /etc/cni/net.d. */
  readonly cniConfigDirs?: readonly string[];
  readonly bridge?: BridgeRules;
}

export const CNI_PATH = ['/opt/cni/bin', '/usr/lib/cni'];
const RESOLV_CONF = '/etc/resolv.conf';
const CNI_CONFIG_DIRS = ['/opt/cni/config', '/etc/cni/net.d'];

/** Of an alloc, as much as its network is made of. */
export interface NetworkOwner {
  readonly allocId: string;
  readonly name: string;
  readonly network: NetworkSpec | undefined;
  readonly ports: readonly AssignedPort[];
}

/** What a machine can do for an agent with these options. */
export interface AgentCapability extends Omit<MachineCapability, 'name'> {
  readonly name: string;
}

interface NetworksDoors {
  readonly made: GroupNetworks;
  readonly records: NetworkRecords;
  readonly rules: CniRules;
  readonly logger: Logger;
  readonly ownerOf: (allocId: string) => NetworkOwner | undefined;
  /** It may still have a use for its network. */
  readonly isLive: (allocId: string) => boolean;
}

export class Networks {
  readonly #doors: NetworksDoors;
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(doors: NetworksDoors) {
    this.#doors = doors;
  }

  /** Rejects with CAPABILITY_MISSING for a network that cannot be had on this machine, with the reason. */
  async assertPossible({ mode, ports = [] }: NetworkSpec): Promise<void> {
    if (mode === 'host') return;
    await requireCapability('network.own', `network mode ${mode}`);
    const list = this.#listOf(mode);
    if (list === undefined) return;
    const missing = programsOf(list).find((type) => findPlugin(type, this.cniPath) === undefined);
    if (missing !== undefined) throw missingPlugin(missing, this.cniPath);
    // Ours have rules of iptables made; of others their operator knows.
    if (mode === 'bridge' && !isInstalled('iptables')) throw noProgram(mode, 'iptables');
    if (ports.length === 0 || mapsPorts(list)) return;
    const text = `no plugin of the CNI network ${list.name} maps ports of the machine (capability portMappings): leave out network.ports`;
    throw new HoldfastError('CAPABILITY_MISSING', text);
  }

  /** Whether groups can be on a bridge, and why not. Never rejects. */
  async bridgeCapability(): Promise<AgentCapability> {
    const name = 'network.bridge';
    try {
      await this.assertPossible({ mode: 'bridge' });
      return { name, isAvailable: true, reason: `CNI plugins of ${this.cniPath.join(' or ')}` };
    } catch (error) {
      return { name, isAvailable: false, reason: messageOf(error) };
    }
  }

  get cniPath(): readonly string[] {
    return this.#doors.rules.cniPath ?? CNI_PATH;
  }

  /** What there is is used; made when it is missing. Errors: START_RETRYABLE, CAPABILITY_MISSING, WRONG_STATE. */
  ensure(allocId: string, isOwnRoot: boolean): Promise<SharedNetwork> {
    return this.#inTurn(allocId, async () => {
      const owner = this.#doors.ownerOf(allocId);
      if (owner?.network === undefined || !this.#doors.isLive(allocId)) {
        throw new HoldfastError(
          'WRONG_STATE',
          `alloc ${allocId} has ended, and its network with it`,
        );
      }
      // Addresses and ports of whom it replaces are its own from here on.
      await this.sweep();
      const { mode } = owner.network;
      const wish = this.#wishOf(owner, owner.network);
      const found = mode === 'host' ? undefined : await this.#doors.made.ensure(wish);
      const files = isOwnRoot ? this.#filesFor(allocId, owner.network, found) : {};
      return { namespace: found?.namespace, ...(found?.places && { places: found.places }), files };
    });
  }

  /** Written anew each time: small, and whoever has them mounted keeps those that he has. */
  #filesFor(
    allocId: string,
    { dns, hostname }: NetworkSpec,
    found: NetworkFound | undefined,
  ): NetworkFiles {
    const place = (name: string, text: string): string =>
      this.#doors.records.placeFile(allocId, name, text);
    const { nameservers = [], ip } = found?.places ?? {};
    // What the operator's plugins say holds where the group says nothing.
    const servers = nameservers.length > 0 ? { servers: nameservers } : undefined;
    const names = dns === undefined ? servers : { ...servers, ...dns };
    return {
      ...(names && {
        '/etc/resolv.conf': place('resolv.conf', resolvConf(names, textOf(RESOLV_CONF))),
      }),
      ...(hostname && { '/etc/hosts': place('hosts', hostsFile(hostname, ip || undefined)) }),
    };
  }

  /** All of it, of an alloc that has ended. Never rejects: what cannot be taken away now is left to the next agent. */
  release(allocId: string): Promise<void> {
    return this.#inTurn(allocId, async () => {
      try {
        if (this.#doors.made.allocIds().includes(allocId)) await this.#doors.made.release(allocId);
      } catch (error) {
        const facts = { allocId, error: messageOf(error) };
        this.#doors.logger.error(facts, 'the network of an alloc cannot be taken away whole');
      }
    });
  }

  /** Resolves when nothing is left of allocs that have ended: addresses and ports are free again. */
  async sweep(): Promise<void> {
    const { made, isLive } = this.#doors;
    const over = made.allocIds().filter((allocId) => !isLive(allocId));
    for (const allocId of over) await this.release(allocId);
  }

  #inTurn<T>(allocId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(allocId) ?? Promise.resolve();
    const done = before.then(work, work);
    const settled = done.catch(() => undefined);
    this.#last.set(allocId, settled);
    void settled.then(() => {
      if (this.#last.get(allocId) === settled) this.#last.delete(allocId);
    });
    return done;
  }

  #listOf(mode: NetworkSpec['mode']): CniList | undefined {
    const { bridge = {}, cniConfigDirs = CNI_CONFIG_DIRS } = this.#doors.rules;
    if (mode === 'bridge') return bridgeList(bridge);
    if (mode.startsWith('cni/')) return findList(mode.slice('cni/'.length), cniConfigDirs);
    return undefined;
  }

  #wishOf({ allocId, name, ports }: NetworkOwner, network: NetworkSpec): NetworkWish {
    const list = this.#listOf(network.mode);
    const portMappings = ports.flatMap(({ hostPort, to = hostPort, hostNetwork, hostIp }) =>
      ['tcp', 'udp'].map((protocol) => ({
        hostPort,
        containerPort: to,
        protocol,
        ...(hostNetwork !== undefined && { hostIP: hostIp }),
      })),
    );
    const { servers, searches, options } = network.dns ?? {};
    const dns = { servers, searches, options };
    return {
      allocId,
      ...(list && { list }),
      capabilities: {
        ...(portMappings.length > 0 && { portMappings }),
        ...(network.dns && { dns }),
      },
      args: `IgnoreUnknown=1;HOLDFAST_ALLOC_ID=${allocId};HOLDFAST_ALLOC=${name}`,
    };
  }
}

function noProgram(mode: string, program: string): HoldfastError {
  const text = `network mode ${mode} needs ${program}, which is not installed`;
  return new HoldfastError('CAPABILITY_MISSING', text, { details: { program } });
}
