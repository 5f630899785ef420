/** What a hook finds of the texts of its task: before a start with what the hooks before it gave, then with all. */
import { taskStream } from '../events/envelope.ts';
import { HoldfastError } from '../errors.ts';
import type { HookDoors } from '../hooks/hook.ts';
import type { HookResult } from '../machines/task-messages.ts';
import type { TaskContext } from '../machines/task-state.ts';
import type { EnvFacts } from '../spec/env-facts.ts';
import { type EnvProblem, startRefusal } from '../spec/env-problem.ts';
import { TaskEnvironment } from '../spec/task-env.ts';
import type { AgentDoors } from './agent-doors.ts';
import { envFacts } from './run-env.ts';
import type { TaskIdentity } from './task-runner.ts';

/** What is known of a task's hooks. */
export type KnownHooks = Pick<TaskContext, 'plan' | 'hooks'>;

/**
 * `known` is what may be known of the hooks (`beforeHook`), `before` what this one could know of them before the start.
 * Built when it is asked for.
 */
export function hookTexts(
  agent: AgentDoors,
  identity: TaskIdentity,
  known: KnownHooks,
  before: KnownHooks,
): Pick<HookDoors, 'env' | 'read' | 'readPublic' | 'secret' | 'found'> {
  let built: TaskEnvironment | undefined;
  const environment = (): TaskEnvironment =>
    (built ??= new TaskEnvironment(envFacts(agent, identity, known)));
  const stream = taskStream(identity.allocId, identity.task.name);
  const find = (name: string): string | undefined =>
    agent.secrets.find(stream, known.plan?.hooks ?? [], name);
  return {
    env: () => environment().env,
    read(where, text) {
      const { secrets, ...read } = readText(environment(), where, text);
      const gone = secrets.find((name) => find(name) === undefined);
      if (gone === undefined) return madeOf(identity, read);
      throw new HoldfastError('START_FAILED', `${where}: this agent has no secret "${gone}"`);
    },
    readPublic(where, text) {
      const { problems, made, secrets } = readText(environment(), where, text);
      const shown = secrets.map((secret): EnvProblem => ({ kind: 'secret', where, text: secret }));
      return madeOf(identity, { made, problems: [...problems, ...shown] });
    },
    found: () => foundBefore(envFacts(agent, identity, before, true)),
    secret: find,
  };
}

function foundBefore(facts: EnvFacts): ReturnType<HookDoors['found']> {
  const given = (facts.hooks ?? []).flatMap(({ env }) => env);
  const missing = new Set(
    given.flatMap(({ secret, value }) => (value === undefined ? [secret] : [])),
  );
  const environment = new TaskEnvironment(facts);
  const isMade = (secrets: readonly string[]): boolean => secrets.some((one) => missing.has(one));
  const unknown =
    missing.size === 0 ? [] : environment.explain().filter(({ secrets }) => isMade(secrets));
  return { env: environment.env, unknown: unknown.map(({ name }) => name) };
}

interface ReadText {
  readonly made: string;
  readonly problems: readonly EnvProblem[];
}

/** One text, what is wrong with it alone, and the names of the secrets in it. */
function readText(
  environment: TaskEnvironment,
  where: string,
  text: string,
): ReadText & { readonly secrets: readonly string[] } {
  const before = environment.problems.length;
  const { text: made, secrets } = environment.secretText(where, text);
  return { made, secrets, problems: environment.problems.slice(before) };
}

function madeOf({ task }: TaskIdentity, { made, problems }: ReadText): string {
  const refused = startRefusal(task.name, problems);
  if (refused !== undefined) throw refused;
  return made;
}

/**
 * Nothing of `hook` and later ones; `given` are results that may not be recorded yet. Later hooks may have given
 * something before an earlier start: a restart is to find what the first start found.
 */
export function beforeHook(
  { plan, hooks }: KnownHooks,
  hook: string | undefined,
  given: readonly HookResult[],
): KnownHooks {
  const names = plan?.hooks ?? [];
  const earlier = hook === undefined ? names : names.slice(0, names.indexOf(hook));
  const fresh = Object.fromEntries(given.map((result) => [result.hook, result]));
  return { plan: plan && { ...plan, hooks: earlier }, hooks: { ...hooks, ...fresh } };
}
