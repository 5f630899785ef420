/** Which runs the log speaks of. */
import { allocStream, taskStream } from '../events/envelope.ts';
import type { Roster } from './roster.ts';

/** Is it the newest run of a task that is not over? Of a task whose log cannot be read everything counts as known. */
export function isKnownRun(
  roster: Roster,
  launchKey: string,
  of?: { readonly allocId: string; readonly task: string },
): boolean {
  if (of === undefined) return roster.newestRuns().get(launchKey)?.isOver === false;
  const stream = taskStream(of.allocId, of.task);
  if (roster.isQuarantined(stream) || roster.isQuarantined(allocStream(of.allocId))) return true;
  const { value, context } = roster.foldedTask(stream)?.state ?? {};
  return context?.launch?.launchKey === launchKey && value !== 'dead';
}
