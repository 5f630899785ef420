/** Services and checks of what runs, on this agent. */
import type { Roster } from '../actors/roster.ts';
import type { HealthView } from '../api.ts';
import { taskStream } from '../events/envelope.ts';
import { healthView } from '../projections/health-view.ts';

/** Errors: NOT_FOUND, AMBIGUOUS. */
export function healthOf(roster: Roster, ref: string | undefined): HealthView {
  const named = ref === undefined ? undefined : roster.resolve(ref);
  const allocIds = named === undefined ? roster.allocIds : [named.allocId];
  const found = [...allocIds].flatMap((allocId) => {
    const { spec, name: alloc = '' } = roster.folded(allocId)?.state.context ?? {};
    return (spec?.tasks ?? [])
      .filter((task) => named?.task === undefined || named.task === task.name)
      .map((task) => {
        const state = roster.foldedTask(taskStream(allocId, task.name))?.state;
        return state === undefined ? NOTHING : healthView({ alloc, allocId }, task, state);
      });
  });
  return {
    services: found.flatMap(({ services }) => services),
    checks: found.flatMap(({ checks }) => checks),
  };
}

const NOTHING: HealthView = { services: [], checks: [] };
