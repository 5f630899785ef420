/**
 * Which capabilities a task has: Nomad's rule (drivers/shared/capabilities), cut to what this agent itself can hand on.
 * Pure.
 */
import { HoldfastError } from '../errors.ts';
import { CAPABILITY_BITS } from '../os/own-capabilities.ts';
import { closest } from '../spec/closest.ts';
import type { ConfigReading } from './config-reading.ts';

/** What Nomad's drivers allow and give by default. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_MKNOD',
  'CAP_NET_BIND_SERVICE',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
];

export interface CapabilityWish {
  /** What the operator lets tasks have. `all` and names without `CAP_`, in any case, are understood in every list. */
  readonly allow: readonly string[];
  readonly add: readonly string[];
  readonly drop: readonly string[];
  /** What this agent can hand on. */
  readonly own: readonly string[];
}

/**
 * (what is given by default ∩ allowed) − drop + add, sorted. `all` is what the agent has.
 * Errors: DRIVER_CONFIG_INVALID for what is not allowed, CAPABILITY_MISSING for what was added by name and the agent
 * itself lacks.
 */
export function taskCapabilities({ allow, add, drop, own }: CapabilityWish): readonly string[] {
  const [allowed, added, dropped] = [allow, add, drop].map((list) => expand(list, own));
  const refused = [...(added ?? [])].filter((name) => allowed?.has(name) !== true);
  if (refused.length > 0) {
    const names = refused.map(plain);
    const text = `driver does not allow the following capabilities: ${names.toSorted().join(', ')}`;
    throw new HoldfastError('DRIVER_CONFIG_INVALID', text);
  }
  const lacking = add.map(capabilityName).filter((name) => name !== ALL && !own.includes(name));
  if (lacking.length > 0) {
    const text = `this agent itself does not have ${lacking.join(', ')}`;
    throw new HoldfastError('CAPABILITY_MISSING', text);
  }
  const given = DEFAULT_CAPABILITIES.filter((name) => allowed?.has(name) && !dropped?.has(name));
  const all = new Set([...given, ...(added ?? [])]);
  return [...all].filter((name) => own.includes(name)).toSorted();
}

const ALL = 'CAP_ALL';

/**
 * A list of capabilities in the config of a task. Names are understood as Docker and Nomad do; one that means nothing
 * would leave a task what it was not to have.
 */
export function readCapabilities(reading: ConfigReading, name: string): readonly string[] {
  const list = reading.texts(name);
  for (const [index, text] of list.entries()) {
    const found = capabilityName(text);
    if (found === ALL || CAPABILITY_BITS.includes(found)) continue;
    const near = closest(plain(found), ['all', ...CAPABILITY_BITS.map(plain)]);
    const meant = near === undefined ? '' : `. Did you mean ${near}?`;
    const wanted = 'must be a capability such as net_raw, or all';
    reading.wrong(`${name}[${index}]`, `${wanted}, not ${JSON.stringify(text)}${meant}`);
  }
  return list;
}

/** `CAP_NET_RAW` → `net_raw`. */
function plain(name: string): string {
  return name.slice('CAP_'.length).toLowerCase();
}

/** ` net_raw` → `CAP_NET_RAW`. */
export function capabilityName(text: string): string {
  const name = text.trim().toUpperCase();
  return name.startsWith('CAP_') ? name : `CAP_${name}`;
}

function expand(list: readonly string[], own: readonly string[]): ReadonlySet<string> {
  const names = list.map(capabilityName);
  return new Set(names.includes(ALL) ? [...own, ...names.filter((name) => name !== ALL)] : names);
}
