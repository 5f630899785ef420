/** From what was checked to what the actors work with: every default applied, every duration in milliseconds. */
import { artifactSpec } from './artifact-spec.ts';
import { durationMs } from './duration.ts';
import { hostEnvOf, interpolationOf } from './interpolation-policy.ts';
import { networkSpec, taskNetwork } from './network-spec.ts';
import { restartPolicy } from './restart-rules.ts';
import { secretSpec } from './secret-spec.ts';
import { templateSpec } from './template-spec.ts';
import { servicesOf } from './service-spec.ts';
import type { AllocSpec } from './alloc-spec.ts';
import type { CheckedGroup, CheckedTask } from './group-schema.ts';
import type { LogPolicy, ResourceLimits, TaskMount, TaskSpec } from './task-spec.ts';

export interface ResolveOptions {
  /** No task may take longer to be asked nicely. Default 30,000, which is Nomad's `max_kill_timeout`. */
  readonly maxKillTimeoutMs?: number;
}

/** Never fails: what could be wrong was refused by `validateGroup`. */
export function resolveSpec(checked: CheckedGroup, options: ResolveOptions = {}): AllocSpec {
  const maxKillTimeoutMs = options.maxKillTimeoutMs ?? 30_000;
  return {
    version: 1,
    name: checked.name,
    type: checked.type,
    meta: checked.meta,
    labels: checked.labels,
    tasks: checked.tasks.map((task) => resolveTask(checked, task, maxKillTimeoutMs)),
    ...optional('shutdownDelayMs', spanMs(checked.shutdownDelay)),
    ...optional('maxRunDurationMs', spanMs(checked.maxRunDuration)),
    ...optional('network', networkSpec(checked.network)),
  };
}

function resolveTask(group: CheckedGroup, task: CheckedTask, maxKillTimeoutMs: number): TaskSpec {
  const gate = task.lifecycle?.hook ?? 'main';
  const isSidecar = task.lifecycle?.sidecar === true;
  return {
    name: task.name,
    driver: task.driver,
    config: task.config,
    env: task.env,
    gate,
    restart: restartPolicy(group.type, group.restart, task.restart),
    ...optional('isSidecar', isSidecar || undefined),
    ...optional('isLeader', task.leader || undefined),
    restartOnSuccess: gate === 'main' ? group.type !== 'batch' : isSidecar,
    logs: logPolicy(task.logs),
    killSignal: task.killSignal,
    killTimeoutMs: Math.min(durationMs(task.killTimeout), maxKillTimeoutMs),
    ...optional('shutdownDelayMs', spanMs(task.shutdownDelay)),
    meta: task.meta,
    ...optional('user', task.user),
    ...optional('isDynamicUser', task.dynamicUser || undefined),
    ...optional('resources', task.resources as ResourceLimits | undefined),
    ...optional('mounts', mountsOf(group, task)),
    ...optional('artifacts', artifactsOf(task)),
    ...optional('secrets', secretsOf(task)),
    ...optional('templates', templatesOf(task)),
    ...servicesOf(group, task),
    ...optional('dispatchPayload', task.dispatchPayload),
    ...optional('network', taskNetwork(group.network)),
    ...optional('hostEnv', hostEnvOf(task)),
    ...optional('interpolation', interpolationOf(group, task)),
  };
}

function artifactsOf({ artifacts = [] }: CheckedTask): TaskSpec['artifacts'] {
  return artifacts.length === 0 ? undefined : artifacts.map(artifactSpec);
}

function templatesOf({ templates = [] }: CheckedTask): TaskSpec['templates'] {
  return templates.length === 0 ? undefined : templates.map(templateSpec);
}

function secretsOf({ secrets = [] }: CheckedTask): TaskSpec['secrets'] {
  return secrets.length === 0 ? undefined : secrets.map(secretSpec);
}

/** A key that is absent stays absent: specs that do not use it keep their hash. */
function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]: Value });
}

/** A delay of nothing is none. */
function spanMs(written: string | undefined): number | undefined {
  return (written === undefined ? 0 : durationMs(written)) || undefined;
}

/** What says no more than the default is left out: the same wish has the same hash. */
function logPolicy(logs: CheckedTask['logs']): LogPolicy {
  const { maxFiles, maxFileSizeMb, compress, whenFull, disabled } = logs;
  return {
    maxFiles,
    maxFileSizeMb,
    ...optional('compress', compress === true ? compress : undefined),
    ...optional('whenFull', whenFull === 'drop' ? whenFull : undefined),
    ...optional('disabled', disabled === true ? disabled : undefined),
  };
}

/** Volumes first, then the task's own mounts; undefined when there is none. Names were checked. */
function mountsOf(group: CheckedGroup, task: CheckedTask): readonly TaskMount[] | undefined {
  const ofVolumes = (task.volumeMounts ?? []).map((wish): TaskMount => {
    const volume = group.volumes?.[wish.volume];
    return {
      type: 'bind',
      volume: wish.volume,
      source: volume?.source ?? '',
      destination: wish.destination,
      readOnly: wish.readOnly || volume?.readOnly === true,
      propagation: wish.propagation,
    };
  });
  const all = [...ofVolumes, ...((task.mounts ?? []) as TaskMount[])];
  return all.length === 0 ? undefined : all;
}
