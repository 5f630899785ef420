/** What a task's program will find: the facts that this agent has, put together for `spec/task-env.ts`. */
import { coreMhz, nodeAttributes } from '../os/node-attributes.ts';
import { type EnvFacts, INSIDE, type HookGift, type NodeFacts } from '../spec/env-facts.ts';
import { allowedHostEnv, hostEnvDenial } from '../spec/host-env.ts';
import type { EnvProblem } from '../spec/env-problem.ts';
import { withConfig, withPlaces } from '../spec/interpolated-task.ts';
import { TaskEnvironment } from '../spec/task-env.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { taskDirsOf } from '../layout.ts';
import type { AgentDoors } from './agent-doors.ts';
import type { TaskIdentity } from './task-runner.ts';

/** What every task of an agent may be told, whatever it is. */
export interface Surroundings {
  readonly node: NodeFacts;
  /** Of the agent's own environment, without what no task gets. */
  readonly hostEnv: Readonly<Record<string, string>>;
  readonly isDenied: (name: string) => boolean;
}

/** `parentCgroup` is where the cgroups of all runs are, if there are any. */
export function surroundings(
  {
    node,
    deniedHostEnv,
  }: { readonly node?: NodeFacts; readonly deniedHostEnv?: readonly string[] },
  env: Readonly<Record<string, string | undefined>>,
  parentCgroup: string | undefined,
): Surroundings {
  const isDenied = hostEnvDenial(deniedHostEnv);
  return {
    node: { ...node, ...(parentCgroup !== undefined && { parentCgroup }) },
    hostEnv: allowedHostEnv(env, isDenied),
    isDenied,
  };
}

export interface ProgramTexts {
  /** With its references read. */
  readonly task: TaskSpec;
  readonly environment: TaskEnvironment;
  /** Why it must not be started so: empty when it may. */
  readonly problems: readonly EnvProblem[];
}

/** The task and its environment as its next program gets them, or as its running one did. */
export function programTexts(
  agent: AgentDoors,
  identity: TaskIdentity,
  context: Pick<TaskContext, 'plan' | 'hooks'>,
): ProgramTexts {
  const facts = envFacts(agent, identity, context);
  const problems: EnvProblem[] = [];
  const placed = withPlaces(identity.task, facts, problems);
  const environment = new TaskEnvironment(facts);
  const task = withConfig(placed, environment);
  return { task, environment, problems: [...problems, ...environment.problems] };
}

/** The task as hooks get it: what they need to know of it before there is an environment has been read. */
export function placedTask(agent: AgentDoors, identity: TaskIdentity): TaskSpec {
  const { task } = identity;
  if (task.interpolation === undefined) return task;
  return withPlaces(task, envFacts(agent, identity, { hooks: {} }));
}

export function envFacts(
  agent: AgentDoors,
  { allocId, allocName, task, group }: TaskIdentity,
  context: Pick<TaskContext, 'plan' | 'hooks'>,
): EnvFacts {
  const { surroundings } = agent;
  const isInside = agent.drivers.rootOf(task) === 'task';
  return {
    allocId,
    allocName,
    task,
    group,
    places: isInside ? INSIDE : taskDirsOf(agent.layout, allocId, task.name),
    node: nodeFacts(agent, task),
    hostEnv: surroundings.hostEnv,
    hooks: (context.plan?.hooks ?? []).map((hook) => giftOf(context, hook)),
  };
}

/** The machine is asked only by those who want to know. */
function nodeFacts({ surroundings, drivers, instanceId }: AgentDoors, task: TaskSpec): NodeFacts {
  const { node } = surroundings;
  const speed = task.resources?.cpu === undefined ? undefined : (node.coreMhz ?? coreMhz());
  const known = { ...node, ...(speed !== undefined && { coreMhz: speed }) };
  if (task.interpolation === undefined) return known;
  const prints = drivers.names.map((name) => drivers.fingerprintOf(name)?.attributes ?? {});
  const machine = nodeAttributes();
  const attributes = Object.assign({}, machine, ...prints, node.attributes);
  return { id: instanceId, name: machine['unique.hostname'], ...known, attributes };
}

function giftOf({ hooks }: Pick<TaskContext, 'hooks'>, hook: string): HookGift {
  return { hook, env: hooks[hook]?.env ?? [] };
}
