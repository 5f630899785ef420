/** The orchestrator as whoever makes a call: what is done for him is recorded as asked by him. */
import { callerOf } from '../rpc/grpc-caller.ts';
import type { Orchestrator } from '../api.ts';

export type Acting = (call: Parameters<typeof callerOf>[0]) => Orchestrator;

export function actingThrough(orchestrator: Orchestrator): Acting {
  return (call) => orchestrator.as(callerOf(call));
}
