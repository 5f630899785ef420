/**
 * Agents that may be killed as often as a drill likes: a copy of the package whose agents start things however often
 * those before them died. What the others do then, nothing for a minute, has tests of its own.
 */
import type { Machine } from '../acceptance/rig.ts';
import { withMachine, withMutant } from '../logs/room.ts';
import type { Patch } from '../patch.ts';

export const NEVER_SAFE: Patch = {
  file: 'src/orchestrator.ts',
  find: 'options.safeMode ?? SAFE_MODE_LIMIT',
  replace: "options.safeMode ?? 'off'",
};

/** With a machine on which such agents are started, which have these faults too; nothing of it is left. */
export function withPatient<T>(
  work: (machine: Machine) => Promise<T>,
  faults: readonly Patch[] = [],
): Promise<T> {
  return withMutant([NEVER_SAFE, ...faults], (command) => withMachine(work, command));
}
