/** What a hook finds of the texts of its task: before a start with what the hooks before it gave, then with all. */
import type { HookDoors } from '../hooks/hook.ts';
import type { HookResult } from '../machines/task-messages.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { startRefusal } from '../spec/env-problem.ts';
import { TaskEnvironment } from '../spec/task-env.ts';
import type { AgentDoors } from './agent-doors.ts';
import { envFacts } from './run-env.ts';
import type { TaskIdentity } from './task-runner.ts';

/** Nothing of `hook` and later ones; `given` are results that may not be recorded yet. Built when it is asked for. */
export function hookTexts(
  agent: AgentDoors,
  identity: TaskIdentity,
  context: Pick<TaskContext, 'plan' | 'hooks'>,
  hook: string | undefined,
  given: readonly HookResult[],
): Pick<HookDoors, 'env' | 'read'> {
  let built: TaskEnvironment | undefined;
  const environment = (): TaskEnvironment =>
    (built ??= new TaskEnvironment(envFacts(agent, identity, before(context, hook, given))));
  return {
    env: () => environment().env,
    read(where, text) {
      const known = environment();
      const ofOthers = known.problems.length;
      const made = known.secretText(where, text).text;
      const refused = startRefusal(identity.task.name, known.problems.slice(ofOthers));
      if (refused !== undefined) throw refused;
      return made;
    },
  };
}

/** Later hooks may have given something before an earlier start: a restart is to find what the first start found. */
function before(
  { plan, hooks }: Pick<TaskContext, 'plan' | 'hooks'>,
  hook: string | undefined,
  given: readonly HookResult[],
): Pick<TaskContext, 'plan' | 'hooks'> {
  const names = plan?.hooks ?? [];
  const earlier = hook === undefined ? names : names.slice(0, names.indexOf(hook));
  const fresh = Object.fromEntries(given.map((result) => [result.hook, result]));
  return { plan: plan && { ...plan, hooks: earlier }, hooks: { ...hooks, ...fresh } };
}
