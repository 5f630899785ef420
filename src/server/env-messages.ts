/** The environment of tasks as messages, both ways; and what a scheduler calls them. */
import type { Orchestrator, RunOptions, TaskEnvView } from '../api.ts';
import { answer } from '../rpc/grpc-answer.ts';
import type * as agent from '../rpc/gen/holdfast/agent/v1/agent.ts';
import type * as message from '../rpc/gen/holdfast/agent/v1/env.ts';

export function envHandlers(orchestrator: Orchestrator): message.EnvServiceServer {
  return { env: answer(async ({ ref }) => toEnvMessage(await orchestrator.env(ref))) };
}

function toEnvMessage(view: TaskEnvView): message.EnvResponse {
  return {
    ...view,
    problems: [...view.problems],
    variables: view.variables.map(({ value, hash, from, written, overrode, secrets, ...rest }) => ({
      ...rest,
      secrets: [...secrets],
      value: value ?? undefined,
      hash: hash ?? undefined,
      from: from ?? undefined,
      written: written ?? undefined,
      overrode: overrode.map((one) => ({
        layer: one.layer,
        from: one.from ?? undefined,
        value: one.value ?? undefined,
      })),
    })),
  };
}

export function fromEnvMessage(response: message.EnvResponse): TaskEnvView {
  return {
    ...response,
    variables: response.variables.map(({ value, hash, from, written, overrode, ...rest }) => ({
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
    })),
  };
}

/** What is left out of a message was not said. */
export function fromIdentity(
  identity: agent.SchedulerIdentity | undefined,
): Pick<RunOptions, 'identity'> {
  const said = Object.entries(identity ?? {}).filter(([, value]) => value !== undefined);
  return said.length === 0 ? {} : { identity: Object.fromEntries(said) };
}
