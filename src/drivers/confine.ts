/** What drivers share that confine programs: the settings of a task, held against what may be asked here. */
import { lstatSync, readlinkSync, realpathSync, statfsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf, HoldfastError } from '../errors.ts';
import { type CapabilityName, requireCapability } from '../os/machine-capabilities.ts';
import { readMountTable } from '../os/mount-table.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import type { ConfigReading } from './config-reading.ts';
import type { Account, Confinement, ResourceLimit } from './confinement.ts';
import type { RunRequest } from './driver.ts';
import { kernelLimits, limitCapabilities } from './kernel-limits.ts';
import { assertProcessors } from './processors.ts';
import { assertResourceLimits, readResourceLimits } from './resource-limits.ts';

/** Settings of a task that every driver has whose task is a process. */
export interface ProcessSettings {
  readonly rlimits: readonly ResourceLimit[];
  readonly oomScoreAdj: number | undefined;
  readonly noNewPrivileges: boolean;
  /** Absolute path. */
  readonly networkNamespace: string | undefined;
}

export function readProcessSettings(reading: ConfigReading): ProcessSettings {
  return {
    rlimits: readResourceLimits(reading, 'rlimits'),
    // Less than the agent's own is the operator's to give.
    oomScoreAdj: reading.wholeNumber('oomScoreAdj', 0, 1000),
    noNewPrivileges: reading.isOn('noNewPrivileges'),
    networkNamespace: readNetwork(reading),
  };
}

function readNetwork(reading: ConfigReading): string | undefined {
  const path = reading.text('networkNamespace', 'an absolute path');
  if (path === undefined || path.startsWith('/')) return path;
  return reading.wrong('networkNamespace', 'must be an absolute path');
}

/** Throws DRIVER_CONFIG_INVALID for a task that is to be in two networks. */
export function assertOneNetwork(task: TaskSpec, { networkNamespace }: ProcessSettings): void {
  const mode = task.network?.mode ?? 'host';
  if (networkNamespace === undefined || mode === 'host') return;
  const text = `task ${task.name}: config.networkNamespace names a network, and its group has one of its own (${mode})`;
  throw new HoldfastError('DRIVER_CONFIG_INVALID', text);
}

/** Everything of a confinement that settings, resources and user say. Throws CAPABILITY_MISSING or START_FAILED. */
export async function confine(
  { task: { name, resources }, network }: Pick<RunRequest, 'task' | 'network'>,
  settings: ProcessSettings,
  user: Account | undefined,
): Promise<Confinement> {
  const { rlimits, oomScoreAdj, noNewPrivileges } = settings;
  const networkNamespace = network?.namespace ?? settings.networkNamespace;
  const needed: CapabilityName[] = [...limitCapabilities(resources ?? {})];
  if (networkNamespace !== undefined) needed.push('network-namespace');
  for (const one of needed) await requireCapability(one, `task ${name}`);
  assertProcessors(resources?.cpuset, `task ${name}`);
  assertResourceLimits(rlimits);
  assertNetwork(networkNamespace);
  return {
    ...(user && { user }),
    ...(resources && { limits: kernelLimits(resources) }),
    ...(rlimits.length > 0 && { resourceLimits: rlimits }),
    ...(oomScoreAdj !== undefined && { oomScoreAdj }),
    ...(noNewPrivileges && { noNewPrivileges }),
    ...(networkNamespace !== undefined && { networkNamespace }),
    ...(network?.hostname !== undefined && { hostname: network.hostname }),
  };
}

/** Of the file system that namespaces are files of. */
const NSFS_MAGIC = 0x6e_73_66_73;

/** Joined by its path: a missing one, or what is none, would only be noticed when the run exists. */
function assertNetwork(path: string | undefined): void {
  if (path === undefined) return;
  const isNamespace = typeOfFileSystem(path) === NSFS_MAGIC;
  const kind = isNamespace ? namespaceKind(path) : undefined;
  if (isNamespace && (kind === undefined || kind === 'net')) return;
  const what = kind === undefined ? '' : `: it is one of kind ${kind}`;
  throw new HoldfastError('START_FAILED', `${path} is no network namespace${what}`);
}

/** `net`, `mnt` …; undefined where one cannot see it. */
export function namespaceKind(path: string): string | undefined {
  const kindOf = (text: string | undefined): string | undefined =>
    /^(\w+):\[\d+\]$/.exec(text ?? '')?.[1];
  try {
    const real = realpathSync(dirname(path));
    const link = join(real, basename(path));
    const isLink = lstatSync(link).isSymbolicLink();
    const target = isLink ? readlinkSync(link) : undefined;
    // What the kernel shows of a process is a link that leads nowhere by its text.
    if (target !== undefined) return kindOf(target) ?? namespaceKind(resolve(real, target));
    return kindOf(readMountTable().findLast(({ point }) => point === link)?.root);
  } catch {
    return undefined;
  }
}

function typeOfFileSystem(path: string): number {
  try {
    return statfsSync(path).type;
  } catch (error) {
    const isMissing = errnoOf(error) === 'ENOENT';
    const text = `network namespace ${path} ${isMissing ? 'does not exist' : 'cannot be looked at'}`;
    throw new HoldfastError('START_FAILED', text, { cause: error });
  }
}

/**
 * As login(1) sets it for whom the program runs as; what the spec says of its environment outranks it, as in Docker and
 * systemd. Nomad means it the other way round; a HOME that somebody wrote down is wanted.
 */
export function personalEnv({ name, home }: Account, { env }: TaskSpec): Record<string, string> {
  const own = { USER: name, LOGNAME: name, HOME: home };
  return Object.fromEntries(Object.entries(own).filter(([key]) => !Object.hasOwn(env, key)));
}
