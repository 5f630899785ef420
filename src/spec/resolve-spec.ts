/** From what was checked to what the actors work with: every default applied, every duration in milliseconds. */
import { DEFAULT_RESTART } from './alloc-spec.ts';
import { durationMs } from './duration.ts';
import type { AllocSpec, AllocType } from './alloc-spec.ts';
import type { CheckedGroup, CheckedRestart, CheckedTask } from './group-schema.ts';
import type { RestartPolicy, TaskSpec } from './task-spec.ts';

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
  };
}

function resolveTask(group: CheckedGroup, task: CheckedTask, maxKillTimeoutMs: number): TaskSpec {
  const gate = task.lifecycle?.hook === 'prestart' ? 'prestart' : 'main';
  return {
    name: task.name,
    driver: task.driver,
    config: task.config,
    env: task.env,
    gate,
    restart: restartPolicy(group.type, group.restart, task.restart),
    restartOnSuccess: group.type !== 'batch' && gate === 'main',
    logs: task.logs,
    killSignal: task.killSignal,
    killTimeoutMs: Math.min(durationMs(task.killTimeout), maxKillTimeoutMs),
    meta: task.meta,
  };
}

/** The policy of one task: its own fields, then the group's, then the defaults of the group's type. */
export function restartPolicy(
  type: AllocType,
  group: CheckedRestart | undefined,
  task: CheckedRestart | undefined,
): RestartPolicy {
  const byDefault = DEFAULT_RESTART[type];
  const interval = task?.interval ?? group?.interval;
  const delay = task?.delay ?? group?.delay;
  return {
    attempts: task?.attempts ?? group?.attempts ?? byDefault.attempts,
    intervalMs: interval === undefined ? byDefault.intervalMs : durationMs(interval),
    delayMs: delay === undefined ? byDefault.delayMs : durationMs(delay),
    mode: task?.mode ?? group?.mode ?? byDefault.mode,
    onLost: task?.onLost ?? group?.onLost ?? byDefault.onLost,
  };
}
