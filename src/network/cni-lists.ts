/** Where lists of plugins come from: the operator's directories, and our own for `bridge`. */
import { join } from 'node:path';
import { HoldfastError, messageOf } from '../errors.ts';
import { readPlainFile } from '../os/plain-file.ts';
import { namesIn } from '../os/quiet-reads.ts';
import type { CniList } from './cni-list.ts';
import type { JsonObject } from './cni-plugin.ts';

export interface BridgeRules {
  /** Name of the device that all groups share. Default `holdfast0`. */
  readonly name?: string;
  /** IPv4, with prefix. Default 172.26.96.0/20: beside Nomad's. */
  readonly subnet?: string;
}

/**
 * As Nomad's: groups reach each other and, behind the machine's address, the world; ports of the machine are mapped.
 * Plugins of version 0.8 understand it too.
 */
export function bridgeList({
  name = 'holdfast0',
  subnet = '172.26.96.0/20',
}: BridgeRules): CniList {
  return {
    name: `holdfast-${name}`,
    cniVersion: '0.4.0',
    plugins: [
      {
        type: 'bridge',
        bridge: name,
        isGateway: true,
        ipMasq: true,
        forceAddress: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'firewall', backend: 'iptables', iptablesAdminChainName: 'HOLDFAST-ADMIN' },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ],
  };
}

/**
 * The list of that name in the first directory that has one. Errors: CAPABILITY_MISSING with the names that there are
 * and the files that cannot be read.
 */
export function findList(name: string, dirs: readonly string[]): CniList {
  const known: string[] = [];
  const faults: string[] = [];
  for (const dir of dirs) {
    for (const file of namesIn(dir).toSorted()) {
      if (!/\.(conflist|conf|json)$/.test(file)) continue;
      const read = readList(join(dir, file));
      if (typeof read === 'string') faults.push(read);
      else if (read.name === name) return read;
      else known.push(read.name);
    }
  }
  const why = [`known: ${known.join(', ') || 'none'}`, ...faults].join('; ');
  const text = `there is no CNI network ${name} in ${dirs.join(' or ')} (${why})`;
  throw new HoldfastError('CAPABILITY_MISSING', text, { details: { network: name } });
}

/** The list, or why it is none. */
function readList(path: string): CniList | string {
  const found = readPlainFile(path);
  if (found.is !== 'text') return `${path} cannot be read`;
  try {
    const written = JSON.parse(found.text) as JsonObject;
    // A file of one plugin is a list of one.
    const plugins = Array.isArray(written['plugins'])
      ? (written['plugins'] as unknown[])
      : [written];
    const { name, cniVersion = '0.2.0', disableCheck } = written;
    if (typeof name !== 'string' || typeof cniVersion !== 'string') return `${path} has no name`;
    if (!plugins.every(isPlugin)) return `${path} has a plugin without a type`;
    return { name, cniVersion, plugins, ...(disableCheck === true && { disableCheck }) };
  } catch (error) {
    return `${path} is no JSON: ${messageOf(error)}`;
  }
}

function isPlugin(value: unknown): value is JsonObject {
  return typeof (value as { readonly type?: unknown } | null)?.type === 'string';
}

/** Do ports of the machine reach whoever is in such a network? */
export function mapsPorts({ plugins }: CniList): boolean {
  return plugins.some(
    ({ capabilities }) => (capabilities as JsonObject | undefined)?.['portMappings'] === true,
  );
}

/** Every program that the list needs, the ones that plugins call included. */
export function programsOf({ plugins }: CniList): readonly string[] {
  return plugins.flatMap(({ type, ipam }) => {
    const source = (ipam as JsonObject | undefined)?.['type'];
    return [String(type), ...(typeof source === 'string' ? [source] : [])];
  });
}
