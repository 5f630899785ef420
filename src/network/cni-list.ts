/** A list of CNI plugins, one after the other: the network of one namespace. */
import { callPlugin, type CniCall, type JsonObject } from './cni-plugin.ts';

/** As the specification of CNI calls it: a network configuration list. JSON-safe: it is recorded with what it made. */
export interface CniList {
  readonly name: string;
  readonly cniVersion: string;
  readonly disableCheck?: boolean;
  readonly plugins: readonly JsonObject[];
}

/** What plugins are told of the container that understand it, by the names of the conventions of CNI. */
export type Capabilities = Readonly<Record<string, unknown>>;

export type Attachment = Omit<CniCall, 'command' | 'namespace'> & {
  readonly namespace: string;
  readonly capabilities: Capabilities;
};

/**
 * The result of the last plugin. `onResult` is called with that of each before the next one begins: to undo what a
 * plugin did one has to tell it what it was told. After an error `removeFrom` undoes whatever there is.
 */
export async function addTo(
  list: CniList,
  at: Attachment,
  onResult: (result: unknown) => void,
): Promise<unknown> {
  let result: unknown;
  for (const plugin of list.plugins) {
    const config = configOf(list, plugin, at, result);
    result = (await callPlugin(config, { ...at, command: 'ADD' })) ?? result;
    // crash point: agent.network.plugin
    onResult(result);
  }
  return result;
}

/** Rejects with what is wrong. Says nothing of lists that cannot be asked. */
export async function checkOn(list: CniList, at: Attachment, result: unknown): Promise<void> {
  if (list.disableCheck === true || !isAtLeast(list.cniVersion, 0, 4)) return;
  for (const plugin of list.plugins) {
    if (isMistaken(plugin, result)) continue;
    await callPlugin(configOf(list, plugin, at, result), { ...at, command: 'CHECK' });
  }
}

/** portmap (1.1) looks for rules of IPv6 also where there is no such address, and never finds them. */
function isMistaken({ type }: JsonObject, result: unknown): boolean {
  const { ips = [] } = (result ?? {}) as { readonly ips?: readonly { address?: string }[] };
  return type === 'portmap' && !ips.some(({ address }) => address?.includes(':') === true);
}

/** Backwards, all of them, also when nothing was made; rejects with the first error. */
export async function removeFrom(list: CniList, at: Attachment, result: unknown): Promise<void> {
  const failures: unknown[] = [];
  const before = isAtLeast(list.cniVersion, 0, 4) ? result : undefined;
  for (const plugin of list.plugins.toReversed()) {
    const config = configOf(list, plugin, at, before);
    await callPlugin(config, { ...at, command: 'DEL' }).catch((error: unknown) => {
      failures.push(error);
    });
  }
  if (failures.length > 0) throw failures[0];
}

function configOf(
  { name, cniVersion }: CniList,
  plugin: JsonObject,
  { capabilities }: Attachment,
  result: unknown,
): JsonObject {
  const understood = (plugin['capabilities'] ?? {}) as JsonObject;
  const runtimeConfig = Object.fromEntries(
    Object.entries(capabilities).filter(([key]) => understood[key] === true),
  );
  const isTold = Object.keys(runtimeConfig).length > 0;
  return {
    ...plugin,
    name,
    cniVersion,
    ...(isTold && { runtimeConfig }),
    ...(result !== undefined && { prevResult: result }),
  };
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** What a task can use of a result. */
export interface CniPlaces {
  readonly interface: string;
  /** Without its prefix; empty when the plugins gave none. */
  readonly ip: string;
  readonly gateway?: string;
  readonly nameservers: readonly string[];
}

/** IPv4 first: what most programs expect. `fallback` names the interface of a result that names none. */
export function placesOf(result: unknown, fallback: string): CniPlaces {
  const { ips, interfaces, dns } = (result ?? {}) as {
    readonly ips?: readonly { address?: string; gateway?: string; interface?: number }[];
    readonly interfaces?: readonly { name?: string; sandbox?: string }[];
    readonly dns?: { readonly nameservers?: readonly string[] };
  };
  const inside = (ips ?? []).filter(({ interface: index }) => {
    const owner = index === undefined ? undefined : interfaces?.[index];
    return owner === undefined || (owner.sandbox ?? '') !== '';
  });
  const found = inside.find(({ address }) => address?.includes('.') === true) ?? inside[0];
  const owner = found?.interface === undefined ? undefined : interfaces?.[found.interface];
  return {
    interface: owner?.name ?? fallback,
    ip: found?.address?.split('/')[0] ?? '',
    ...(found?.gateway !== undefined && { gateway: found.gateway }),
    nameservers: dns?.nameservers ?? [],
  };
}
