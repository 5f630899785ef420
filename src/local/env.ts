/** What a task's program finds in its environment, with where each variable comes from. */
import type { AgentDoors } from '../actors/agent-doors.ts';
import type { Roster } from '../actors/roster.ts';
import { programTexts } from '../actors/run-env.ts';
import type { EnvVariable, TaskEnvView } from '../api.ts';
import type { ProgramWish } from '../drivers/driver.ts';
import { programEnv } from '../spec/program-env.ts';
import { HoldfastError, messageOf } from '../errors.ts';
import { taskStream } from '../events/envelope.ts';
import { problemLine } from '../spec/env-problem.ts';
import type { ExplainedVariable } from '../spec/task-env.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import { onlyTask } from './only-task.ts';

interface EnvDoors {
  readonly agent: AgentDoors;
  readonly roster: Roster;
}

export async function taskEnvView({ agent, roster }: EnvDoors, ref: string): Promise<TaskEnvView> {
  const { allocId, task: named } = roster.resolve(ref);
  const alloc = roster.folded(allocId);
  const { name: allocName = '', specHash = '', spec } = alloc?.state.context ?? {};
  const tasks = spec?.tasks ?? [];
  const name = named ?? onlyTask(ref, tasks);
  const task = tasks.find((one) => one.name === name);
  if (alloc === undefined || task === undefined) {
    throw new HoldfastError('NOT_FOUND', `nothing is known any more of the spec of ${ref}`);
  }
  const identity = { allocId, allocName, specHash, task, group: spec };
  const folded = roster.foldedTask(taskStream(allocId, name));
  const context = folded?.state.context;
  const texts = programTexts(agent, identity, context ?? { hooks: {} });
  const problems = texts.problems.map(problemLine);
  const wish = await driversWish(agent, texts.task).catch((error: unknown): OwnEnv => {
    problems.push(messageOf(error));
    return {};
  });
  const explained = texts.environment.explain().map(toView);
  const mark = context?.launch?.mark;
  return {
    alloc: allocName,
    allocId,
    task: name,
    run: context?.run ?? 0,
    variables: withDrivers(explained, texts.environment.env, wish, mark),
    problems,
    position: folded?.position ?? alloc.position,
  };
}

type OwnEnv = Pick<ProgramWish, 'env' | 'deniedEnv'>;

async function driversWish({ drivers }: AgentDoors, task: TaskSpec): Promise<OwnEnv> {
  return (await drivers.get(task.driver).ownEnv?.(task)) ?? {};
}

/** What the driver adds over everything, and without what it denies; last the mark, which nobody denies. */
function withDrivers(
  explained: readonly EnvVariable[],
  env: Readonly<Record<string, string>>,
  wish: OwnEnv,
  mark: string | undefined,
): readonly EnvVariable[] {
  const all = new Map(explained.map((one) => [one.name, one]));
  for (const [name, value] of Object.entries(wish.env ?? {})) put(all, 'user', name, value);
  const reached = programEnv({ env }, wish);
  for (const [name, { layer }] of all) {
    // A secret that has not been fetched is in neither.
    const isThere = layer === 'user' || Object.hasOwn(env, name);
    if (isThere && !Object.hasOwn(reached, name)) all.delete(name);
  }
  if (mark !== undefined) put(all, 'mark', 'HOLDFAST_MARK', mark);
  return [...all.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

function put(all: Map<string, EnvVariable>, layer: string, name: string, value: string): void {
  const below = all.get(name);
  const overrode = below === undefined ? [] : [below, ...below.overrode];
  all.set(name, {
    name,
    value,
    layer,
    secrets: [],
    hash: null,
    from: null,
    written: null,
    overrode: overrode.map((one) => ({ layer: one.layer, from: one.from, value: one.value })),
  });
}

function toView({ value, hash, from, written, overrode, ...rest }: ExplainedVariable): EnvVariable {
  return {
    ...rest,
    value: value ?? null,
    hash: hash ?? null,
    from: from ?? null,
    written: written ?? null,
    overrode: overrode.map((one) => ({
      layer: one.layer,
      from: one.from ?? null,
      value: one.value ?? null,
    })),
  };
}
