/**
 * The network of one alloc: a namespace that its tasks share, and how it is connected. Making it may be repeated: what
 * an earlier agent made is used, what it began is taken away and made anew. What is made is recorded beforehand.
 */
import { messageOf } from '../errors.ts';
import {
  ensureNamespace,
  namespaceExists,
  namespacePath,
  namespacesLike,
  removeNamespace,
} from '../os/network-namespace.ts';
import type { Logger } from '../ports.ts';
import {
  addTo,
  checkOn,
  placesOf,
  removeFrom,
  type Attachment,
  type Capabilities,
  type CniList,
  type CniPlaces,
} from './cni-list.ts';
import type { NetworkRecord, NetworkRecords } from './network-record.ts';

/** What the network of an alloc is to be. */
export interface NetworkWish {
  readonly allocId: string;
  /** Left out: nothing but `lo`. */
  readonly list?: CniList;
  readonly capabilities: Capabilities;
  readonly args: string;
}

export interface NetworkFound {
  /** Absolute path. */
  readonly namespace: string;
  /** Left out where there is nothing but `lo`. */
  readonly places?: CniPlaces;
}

interface GroupNetworkDoors {
  readonly records: NetworkRecords;
  /** Begins the name of every namespace that is ours. */
  readonly prefix: string;
  readonly cniPath: readonly string[];
  readonly logger: Logger;
}

const INTERFACE = 'eth0';

export class GroupNetworks {
  readonly #doors: GroupNetworkDoors;
  /** Looked at by this very agent. */
  readonly #known = new Map<string, NetworkFound>();

  constructor(doors: GroupNetworkDoors) {
    this.#doors = doors;
  }

  /** Allocs of which there is something to take away, also when its record is lost. */
  allocIds(): readonly string[] {
    const { records, prefix } = this.#doors;
    const unrecorded = namespacesLike(prefix).map((name) => name.slice(prefix.length));
    return [...new Set([...records.allocIds(), ...unrecorded])];
  }

  /** Errors: START_RETRYABLE, CAPABILITY_MISSING. One call for one alloc at a time. */
  async ensure(wish: NetworkWish): Promise<NetworkFound> {
    const { records, prefix } = this.#doors;
    const namespace = `${prefix}${wish.allocId}`;
    const known = this.#known.get(wish.allocId);
    if (known !== undefined && namespaceExists(namespace)) return known;
    const record = records.read(wish.allocId);
    const found = (await this.#reused(record)) ?? (await this.#made(wish, namespace, record));
    this.#known.set(wish.allocId, found);
    return found;
  }

  /** What an earlier agent made, if it is still whole. */
  async #reused(record: NetworkRecord | undefined): Promise<NetworkFound | undefined> {
    if (record === undefined || !namespaceExists(record.namespace)) return undefined;
    const { namespace, attached } = record;
    if (attached === undefined) {
      await ensureNamespace(namespace);
      return { namespace: namespacePath(namespace) };
    }
    if (!attached.isWhole) return undefined;
    try {
      await checkOn(attached.list, this.#attachment(record, attached), attached.result);
    } catch (error) {
      const facts = { allocId: record.allocId, error: messageOf(error) };
      this.#doors.logger.warn(facts, 'the network of an alloc is not whole and is made anew');
      return undefined;
    }
    return foundOf(namespace, attached.result);
  }

  async #made(
    { allocId, list, capabilities, args }: NetworkWish,
    namespace: string,
    before: NetworkRecord | undefined,
  ): Promise<NetworkFound> {
    const { records } = this.#doors;
    // Addresses and rules outlive a namespace.
    if (before?.attached !== undefined) await this.#detach(before);
    const attached = list && { list, capabilities, args, isWhole: false };
    const record: NetworkRecord = { allocId, namespace, ...(attached && { attached }) };
    records.write(record);
    // crash point: agent.network.recorded
    await ensureNamespace(namespace);
    // crash point: agent.network.namespace
    if (attached === undefined) return { namespace: namespacePath(namespace) };
    const note = (more: { readonly result: unknown; readonly isWhole?: boolean }): void =>
      records.write({ ...record, attached: { ...attached, ...more } });
    try {
      const at = this.#attachment(record, attached);
      const result = await addTo(attached.list, at, (partial) => note({ result: partial }));
      note({ result, isWhole: true });
      // crash point: agent.network.made
      return foundOf(namespace, result);
    } catch (error) {
      // Half of it would be in the way of the next attempt.
      await this.#detach(records.read(allocId) ?? record).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Everything of an alloc, tasks or not; an alloc that has nothing is fine. What a plugin cannot take away stays
   * recorded, and is tried again by the next agent. Errors: START_RETRYABLE, CAPABILITY_MISSING for such a plugin.
   */
  async release(allocId: string): Promise<void> {
    const { records, prefix } = this.#doors;
    this.#known.delete(allocId);
    const record = records.read(allocId);
    const namespace = record?.namespace ?? `${prefix}${allocId}`;
    try {
      if (record !== undefined) await this.#detach(record);
      // crash point: agent.network.detached
    } finally {
      // Both ends of its interfaces go with it.
      await removeNamespace(namespace);
    }
    // crash point: agent.network.removed
    records.remove(allocId);
  }

  async #detach(record: NetworkRecord): Promise<void> {
    const { attached } = record;
    if (attached === undefined) return;
    await removeFrom(attached.list, this.#attachment(record, attached), attached.result);
  }

  #attachment(
    { allocId, namespace }: NetworkRecord,
    { capabilities, args }: Pick<NetworkWish, 'capabilities' | 'args'>,
  ): Attachment {
    const isThere = namespaceExists(namespace);
    return {
      containerId: allocId,
      namespace: isThere ? namespacePath(namespace) : '',
      interface: INTERFACE,
      args,
      capabilities,
      cniPath: this.#doors.cniPath,
    };
  }
}

function foundOf(namespace: string, result: unknown): NetworkFound {
  return { namespace: namespacePath(namespace), places: placesOf(result, INTERFACE) };
}
