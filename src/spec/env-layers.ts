/**
 * What gives variables, as a list: later layers win. Nomad's order (`client/taskenv/env.go`), with the agent's own
 * environment and the default PATH filling gaps only. Pure.
 */
import type { EnvFacts, GivenVariable } from './env-facts.ts';
import { cleanName, factNames, twinNames } from './env-names.ts';
import { askedHostEnv } from './host-env.ts';
import { portEnv } from './port-env.ts';

/** One text under one or more names. */
export interface LayerEntry extends Omit<GivenVariable, 'name'> {
  readonly names: readonly string[];
  /** Where a user wrote it, such as `env.PORT`; the first name where nobody did. */
  readonly where: string;
  /** The hook that gave it. */
  readonly from?: string | undefined;
}

export interface EnvLayer {
  readonly name: string;
  readonly entries: (facts: EnvFacts) => readonly LayerEntry[];
  /** Gives only what no layer below it has. */
  readonly fillsGaps?: true;
  /** A user wrote it: its references are read. Everything else arrives as it is. */
  readonly isRead?: true;
}

/** What systemd gives a service that names none. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** The hook whose files become variables: what it gives is newer than what any other hook gave. */
const TEMPLATES = 'templates';

export const ENV_LAYERS: readonly EnvLayer[] = [
  { name: 'directories', entries: directories },
  { name: 'limits', entries: limits },
  { name: 'identity', entries: identity },
  { name: 'network', entries: ({ network = {} }) => portEnv(network).map(twins) },
  { name: 'meta', entries: meta, isRead: true },
  { name: 'host', entries: host, fillsGaps: true },
  { name: 'default', entries: () => [plain(['PATH', DEFAULT_PATH])], fillsGaps: true },
  { name: 'task', entries: ({ task }) => Object.entries(task.env).map(written), isRead: true },
  { name: 'hook', entries: ({ hooks = [] }) => given(hooks, (hook) => hook !== TEMPLATES) },
  { name: 'template', entries: ({ hooks = [] }) => given(hooks, (hook) => hook === TEMPLATES) },
];

type Pair = readonly [name: string, value: string | number | undefined];

function twins([name, value]: readonly [string, string]): LayerEntry {
  return { names: twinNames(name), where: name, value };
}

function plain([name, value]: readonly [string, string]): LayerEntry {
  return { names: [name], where: name, value };
}

function written([name, value]: readonly [string, string]): LayerEntry {
  return { names: [cleanName(name)], where: `env.${name}`, value };
}

/** What is not known is no variable: an empty one would say that there is none. */
function known(pairs: readonly Pair[]): readonly LayerEntry[] {
  const entries: LayerEntry[] = [];
  for (const [where, value] of pairs) {
    if (value !== undefined) entries.push({ names: factNames(where), where, value: String(value) });
  }
  return entries;
}

function directories({ places: { alloc, local, secrets, tmp } }: EnvFacts): readonly LayerEntry[] {
  const own = known([
    ['ALLOC_DIR', alloc],
    ['TASK_DIR', local],
    ['SECRETS_DIR', secrets],
  ]);
  return [...own, plain(['TMPDIR', tmp])];
}

/** MiB, and MHz as Nomad has it: that of a core is the machine's. */
function limits({ task: { resources = {} }, node = {} }: EnvFacts): readonly LayerEntry[] {
  const { cpu, cpuset, memoryMb, memoryMaxMb } = resources;
  const { coreMhz, parentCgroup } = node;
  const isCounted = cpu !== undefined && coreMhz !== undefined;
  return known([
    ['MEMORY_LIMIT', memoryMb],
    ['MEMORY_MAX_LIMIT', memoryMaxMb],
    ['CPU_LIMIT', isCounted ? Math.round(cpu * coreMhz) : undefined],
    ['CPU_CORES', cpuset],
    ['PARENT_CGROUP', parentCgroup],
  ]);
}

function identity({ allocId, allocName, task, group, node = {} }: EnvFacts): readonly LayerEntry[] {
  const { identity: who = {} } = group ?? {};
  const { jobId, allocIndex } = who;
  const isPlaced = jobId !== undefined && allocIndex !== undefined;
  const byIndex = isPlaced ? `${jobId}.${allocName}[${allocIndex}]` : allocName;
  return known([
    ['ALLOC_ID', allocId],
    ['SHORT_ALLOC_ID', allocId.slice(0, 8)],
    ['ALLOC_NAME', who.allocName ?? byIndex],
    ['ALLOC_INDEX', allocIndex],
    ['GROUP_NAME', allocName],
    ['TASK_NAME', task.name],
    ['JOB_ID', jobId],
    ['JOB_NAME', who.jobName ?? jobId],
    ['JOB_PARENT_ID', who.jobParentId],
    ['NAMESPACE', who.namespace],
    ['REGION', who.region ?? node.region],
    ['DC', who.datacenter ?? node.datacenter],
  ]);
}

/** The task's win over the group's. Each key as it is written, and in capitals where that is no other key's name. */
function meta({ task, group }: EnvFacts): readonly LayerEntry[] {
  const all = { ...group?.meta, ...task.meta };
  const taken = new Set(Object.keys(all).flatMap((key) => twinNames(`META_${key}`)));
  const entries: LayerEntry[] = [];
  for (const [key, value] of Object.entries(all)) {
    const names = twinNames(`META_${key}`);
    const capitals = twinNames(`META_${key.toUpperCase()}`).filter((name) => !taken.has(name));
    for (const name of capitals) taken.add(name);
    entries.push({ names: [...names, ...capitals], where: `meta.${key}`, value });
  }
  for (const [key, value] of Object.entries(group?.labels ?? {})) {
    // Nomad's groups have no labels, so there is no name of Nomad's.
    const names = [cleanName(`HOLDFAST_LABEL_${key}`)];
    entries.push({ names, where: `labels.${key}`, value });
  }
  return entries;
}

function host({ task, hostEnv = {} }: EnvFacts): readonly LayerEntry[] {
  return Object.entries(askedHostEnv(hostEnv, task.hostEnv)).map(plain);
}

function given(
  hooks: NonNullable<EnvFacts['hooks']>,
  isMeant: (hook: string) => boolean,
): readonly LayerEntry[] {
  return hooks
    .filter(({ hook }) => isMeant(hook))
    .flatMap(({ hook, env }) =>
      env.map(({ name, ...rest }) => ({
        ...rest,
        names: [cleanName(name)],
        where: name,
        from: hook,
      })),
    );
}
