/** Plans as messages, both ways. */
import type { GroupPlan, Orchestrator } from '../api.ts';
import { answer } from '../rpc/grpc-answer.ts';
import type * as message from '../rpc/gen/holdfast/agent/v1/plan.ts';
import { parseSpec } from './run-messages.ts';

type Change = GroupPlan['changes'][number];

export function planHandlers(orchestrator: Orchestrator): message.PlanServiceServer {
  return {
    plan: answer(async ({ spec, allocId }) => {
      const meant = allocId === undefined ? {} : { allocId };
      return toPlanMessage(await orchestrator.plan(parseSpec(spec), meant));
    }),
  };
}

function toPlanMessage(plan: GroupPlan): message.PlanResponse {
  return {
    ...plan,
    allocId: plan.allocId ?? undefined,
    changes: plan.changes.map(toChange),
    tasks: plan.tasks.map((task) => ({ ...task, changes: task.changes.map(toChange) })),
  };
}

function toChange({ before, after, ...rest }: Change): message.FieldChange {
  return { ...rest, before, after };
}

export function fromPlanMessage(response: message.PlanResponse): GroupPlan {
  return {
    ...response,
    allocId: response.allocId ?? null,
    action: response.action as GroupPlan['action'],
    changes: response.changes.map(fromChange),
    tasks: response.tasks.map(({ task, action, changes }) => ({
      task,
      action: action as GroupPlan['tasks'][number]['action'],
      changes: changes.map(fromChange),
    })),
  };
}

function fromChange({ kind, field, before, after, action }: message.FieldChange): Change {
  return {
    kind: kind as Change['kind'],
    field,
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after }),
    action: action as Change['action'],
  };
}
