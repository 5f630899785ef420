/**
 * A task with its references read: what drivers and hooks are handed. `config` is read with everything that the
 * program will find; whom it runs as and what it mounts, which is needed before any hook has given anything, without
 * hooks. Pure.
 */
import type { EnvFacts } from './env-facts.ts';
import type { EnvProblem } from './env-problem.ts';
import { isOurKey } from './node-keys.ts';
import { TaskEnvironment } from './task-env.ts';
import type { TaskMount, TaskSpec } from './task-spec.ts';

/** Whom the task runs as and what it mounts. Told again for every start, the outcome is the same. */
export function withPlaces(task: TaskSpec, facts: EnvFacts, problems: EnvProblem[] = []): TaskSpec {
  if (task.interpolation === undefined) return task;
  const { user, mounts } = task;
  if (user === undefined && mounts === undefined) return task;
  const known = new TaskEnvironment({ ...facts, hooks: [] });
  const ofVariables = known.problems.length;
  const read: TaskSpec = {
    ...task,
    ...(user !== undefined && { user: userOf(known.text('user', user), problems) }),
    ...(mounts !== undefined && { mounts: mountsOf(mounts, known, problems) }),
  };
  problems.push(...known.problems.slice(ofVariables));
  return read;
}

/** The driver's settings; keys stay as they are. Problems are told by the environment. */
export function withConfig(task: TaskSpec, environment: TaskEnvironment): TaskSpec {
  if (task.interpolation === undefined) return task;
  const config = textsOf(task.config, 'config', environment) as TaskSpec['config'];
  return { ...task, config };
}

/**
 * What can be told before anything runs: a bare name may still be a variable that a hook gives, everything else is
 * wrong now or never.
 */
export function problemsAtAcceptance(task: TaskSpec, facts: EnvFacts): readonly EnvProblem[] {
  if (task.interpolation === undefined) return [];
  const problems: EnvProblem[] = [];
  withPlaces(task, facts, problems);
  const environment = new TaskEnvironment(facts);
  withConfig(task, environment);
  const mayComeYet = ({ kind, text }: EnvProblem): boolean => kind === 'unknown' && !isOurKey(text);
  return [...problems, ...environment.problems.filter((one) => !mayComeYet(one))];
}

function textsOf(value: unknown, where: string, environment: TaskEnvironment): unknown {
  if (typeof value === 'string') return environment.text(where, value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    return value.map((item, index) => textsOf(item, `${where}[${index}]`, environment));
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      textsOf(item, `${where}.${key}`, environment),
    ]),
  );
}

function userOf(user: string, problems: EnvProblem[]): string {
  if (/^[^:\s/]+(:[^:\s/]+)?$/.test(user)) return user;
  problems.push({ kind: 'wrong', where: 'user', text: `"${user}" is no user` });
  return user;
}

/** What the schema asked of a path as it was written holds for what it has become, too. */
function mountsOf(
  mounts: readonly TaskMount[],
  environment: TaskEnvironment,
  problems: EnvProblem[],
): readonly TaskMount[] {
  return mounts.map((mount, index) => {
    if (mount.type !== 'bind') return mount;
    const { volume, destination } = mount;
    const where = volume === undefined ? `mounts[${index}].source` : `volumes.${volume}.source`;
    const source = environment.text(where, mount.source);
    if (!source.startsWith('/') || source.split('/').includes('..')) {
      const text = `"${source}" must be an absolute path without ".." (mounted at ${destination})`;
      problems.push({ kind: 'wrong', where, text });
    }
    return { ...mount, source };
  });
}
