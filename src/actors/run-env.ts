/** What a task's program will find: the facts that this agent has, put together for `spec/task-env.ts`. */
import { HoldfastError } from '../errors.ts';
import { taskStream } from '../events/envelope.ts';
import { coreMhz, nodeAttributes } from '../os/node-attributes.ts';
import { type EnvFacts, INSIDE, type HookGift, type NodeFacts } from '../spec/env-facts.ts';
import { allowedHostEnv, hostEnvDenial } from '../spec/host-env.ts';
import { type EnvProblem, startRefusal } from '../spec/env-problem.ts';
import { withConfig, withPlaces } from '../spec/interpolated-task.ts';
import { TaskEnvironment } from '../spec/task-env.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { taskDirsOf } from '../layout.ts';
import type { AgentDoors } from './agent-doors.ts';
import { networkFacts } from './network-supplies.ts';
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
  const task = withGifts(withConfig(placed, environment), context);
  return { task, environment, problems: [...problems, ...environment.problems] };
}

/** The task as hooks get it: what they need to know of it before there is an environment has been read. */
export function placedTask(
  agent: AgentDoors,
  identity: TaskIdentity,
  context: Pick<TaskContext, 'plan' | 'hooks'>,
): TaskSpec {
  const { task } = identity;
  const isRead = task.interpolation !== undefined;
  const placed = isRead ? withPlaces(task, envFacts(agent, identity, { hooks: {} })) : task;
  return withGifts(placed, context);
}

/** With the mounts and the user that hooks gave, in the order of the plan. Nothing in them is read. */
function withGifts(task: TaskSpec, { plan, hooks }: Pick<TaskContext, 'plan' | 'hooks'>): TaskSpec {
  const given = (plan?.hooks ?? []).map((hook) => hooks[hook]);
  const mounts = given.flatMap((memory) => memory?.mounts ?? []);
  const user = given.findLast((memory) => memory?.user !== undefined)?.user;
  if (mounts.length === 0 && user === undefined) return task;
  return {
    ...task,
    ...(mounts.length > 0 && { mounts: [...(task.mounts ?? []), ...mounts] }),
    ...(user !== undefined && { user }),
  };
}

/** Why the task's next program cannot be started with what the spec and the hooks say; undefined when it can. */
export async function whyNotStart(
  agent: AgentDoors,
  identity: TaskIdentity,
  context: TaskContext,
): Promise<HoldfastError | undefined> {
  const { task } = identity;
  const [missing] = missingSecrets(agent, identity, context);
  if (missing !== undefined) {
    const text = `task ${task.name}: hook ${missing.hook} did not give the secret "${missing.secret}" again`;
    return new HoldfastError('START_FAILED', text);
  }
  const gifted = withGifts(task, context);
  try {
    // What the spec says was checked at acceptance and by the hooks; what hooks gave was not.
    if (gifted !== task) await agent.drivers.check(gifted);
  } catch (error) {
    return HoldfastError.from(error);
  }
  if (task.interpolation === undefined) return undefined;
  return startRefusal(task.name, programTexts(agent, identity, context).problems);
}

/** Variables whose values this agent does not have: hooks gave them to an earlier one. */
export function missingSecrets(
  agent: AgentDoors,
  identity: TaskIdentity,
  context: Pick<TaskContext, 'plan' | 'hooks'>,
): readonly { readonly hook: string; readonly secret: string }[] {
  return (context.plan?.hooks ?? []).flatMap((hook) =>
    giftOf(agent, identity, context, hook).env.flatMap(({ secret, value }) =>
      secret === undefined || value !== undefined ? [] : [{ hook, secret }],
    ),
  );
}

/** `isNewest`: with the values that secrets were renewed to, as a next program would get them. */
export function envFacts(
  agent: AgentDoors,
  identity: TaskIdentity,
  context: Pick<TaskContext, 'plan' | 'hooks'>,
  isNewest = false,
): EnvFacts {
  const { allocId, allocName, task, group } = identity;
  const { surroundings } = agent;
  const isInside = agent.drivers.rootOf(task) === 'task';
  const network = networkFacts(agent.portsOf(allocId), context);
  return {
    allocId,
    allocName,
    task,
    group,
    places: isInside ? INSIDE : taskDirsOf(agent.layout, allocId, task.name),
    node: nodeFacts(agent, task),
    hostEnv: surroundings.hostEnv,
    ...(network !== undefined && { network }),
    hooks: (context.plan?.hooks ?? []).map((hook) =>
      giftOf(agent, identity, context, hook, isNewest),
    ),
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

/** A secret has its value here when it is the very one that was recorded. */
function giftOf(
  { secrets }: AgentDoors,
  { allocId, task }: TaskIdentity,
  { hooks }: Pick<TaskContext, 'hooks'>,
  hook: string,
  isNewest = false,
): HookGift {
  const stream = taskStream(allocId, task.name);
  const which = isNewest ? 'newestOf' : 'valueOf';
  const env = (hooks[hook]?.env ?? []).map((entry) =>
    entry.secret === undefined ? entry : { ...entry, value: secrets[which](stream, hook, entry) },
  );
  return { hook, env };
}
