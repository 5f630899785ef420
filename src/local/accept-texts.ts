/** What is wrong with the texts of a group on this machine, before anything of it is recorded. */
import type { AgentDoors } from '../actors/agent-doors.ts';
import { envFacts } from '../actors/run-env.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import { specRefusal } from '../spec/env-problem.ts';
import { problemsAtAcceptance } from '../spec/interpolated-task.ts';
import { checkIdentity, type SchedulerIdentity } from '../spec/scheduler-identity.ts';
import { assertStorable } from './read-spec.ts';

/** Throws SPEC_INVALID with every reference that can never be answered, and variables that no task gets. */
export function assertTexts(agent: AgentDoors, allocId: string, spec: AllocSpec): void {
  const found = spec.tasks.flatMap((task, index) => {
    const identity = { allocId, allocName: spec.name, specHash: '', task, group: spec };
    const facts = envFacts(agent, identity, { hooks: {} });
    const asked = task.hostEnv === true ? [] : (task.hostEnv ?? []);
    const denied = asked.filter((name) => agent.surroundings.isDenied(name));
    return [
      ...problemsAtAcceptance(task, facts),
      ...denied.map((name) => ({
        kind: 'wrong' as const,
        where: 'hostEnv',
        text: `this agent gives ${name} to no task`,
      })),
    ].map((problem) => ({ index, problem }));
  });
  const refused = specRefusal(found);
  if (refused !== undefined) throw refused;
}

/** Errors: USAGE, SPEC_INVALID for one that is too large together with it. */
export function withIdentity(spec: AllocSpec, identity: SchedulerIdentity | undefined): AllocSpec {
  if (identity === undefined) return spec;
  const named = { ...spec, identity: checkIdentity(identity) };
  assertStorable(named);
  return named;
}
