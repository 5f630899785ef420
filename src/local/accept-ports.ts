/** The ports of a group that is about to be accepted. */
import type { AgentDoors } from '../actors/agent-doors.ts';
import type { SavedSpec } from '../actors/saved-spec.ts';

/** Nothing for a group that wants none. Errors: PORT_IN_USE, RESOURCES_EXHAUSTED, CAPABILITY_MISSING. */
export async function takePorts(
  { ports }: AgentDoors,
  { allocId, spec, replaces }: SavedSpec,
): Promise<Pick<SavedSpec, 'ports'>> {
  const wishes = spec.network?.ports;
  if (wishes === undefined) return {};
  return { ports: await ports.take(allocId, spec.name, wishes, replaces) };
}
