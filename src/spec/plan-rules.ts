/**
 * What a change of a field asks for, as data: the field's path without indexes, or the beginning of one; the longest
 * that fits decides. A field that nobody lists is taken for one that programs find in their files or environment.
 *
 * - `in-place`: what runs goes on; hooks and policies look at the new value from then on.
 * - `restart`: the program is ended and started again, in its alloc: directories and output stay.
 * - `replace`: another alloc takes over when this one has ended.
 */
export type FieldAction = 'in-place' | 'restart' | 'replace';

export const TASK_RULES: Readonly<Record<string, FieldAction>> = {
  driver: 'replace',
  config: 'restart',
  env: 'restart',
  hostEnv: 'restart',
  interpolation: 'restart',
  // In every program's environment.
  meta: 'restart',
  // Which gates there are, and who waits for whom, is what an alloc is.
  gate: 'replace',
  isSidecar: 'replace',
  isLeader: 'in-place',
  restart: 'in-place',
  restartOnSuccess: 'in-place',
  killSignal: 'in-place',
  killTimeoutMs: 'in-place',
  shutdownDelayMs: 'in-place',
  logs: 'in-place',
  // What the program writes into was given to it.
  'logs.disabled': 'restart',
  // Limits are made with the run's cgroup, and told to the program.
  resources: 'restart',
  // Whom the directories of the task belong to.
  user: 'replace',
  isDynamicUser: 'replace',
  mounts: 'replace',
  network: 'replace',
  artifacts: 'restart',
  secrets: 'restart',
  // What is filled in was told to its hook when the program began.
  templates: 'restart',
  services: 'in-place',
  checks: 'in-place',
  // What an alloc was run with is kept with it.
  dispatchPayload: 'replace',
};

export const GROUP_RULES: Readonly<Record<string, FieldAction>> = {
  // Another type has other defaults wherever nothing was said.
  type: 'replace',
  meta: 'restart',
  // A program finds the new ones at its next start.
  labels: 'in-place',
  // Made before the first task begins; ports are told to all of them.
  network: 'replace',
  shutdownDelayMs: 'in-place',
  maxRunDurationMs: 'in-place',
};

/** `path` has no indexes, such as `config.args`. */
export function taskRule(path: string): FieldAction {
  return ruleFor(TASK_RULES, path) ?? 'restart';
}

/** What a group has and no rule names belongs to all of its tasks: nothing less than another alloc is safe. */
export function groupRule(path: string): FieldAction {
  return ruleFor(GROUP_RULES, path) ?? 'replace';
}

function ruleFor(rules: Readonly<Record<string, FieldAction>>, path: string) {
  for (let part = path; part !== ''; part = part.slice(0, Math.max(0, part.lastIndexOf('.')))) {
    if (Object.hasOwn(rules, part)) return rules[part];
  }
  return undefined;
}
