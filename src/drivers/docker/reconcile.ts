/**
 * Which containers of an engine are left over: made by this agent, and wanted by nothing that its log speaks of. Pure.
 * What is wrongly kept costs a little room, what is wrongly removed is somebody's program: every doubt keeps.
 */
import type { ContainerEntry } from '../../engine/engine.ts';
import { isLaunchKey, markOf } from '../../os/launch-key.ts';
import { OWN_LABELS } from './config.ts';
import { containerName } from './container-body.ts';

/** The run that a container says it is of. */
export interface ClaimedRun {
  readonly launchKey: string;
  readonly allocId: string;
  readonly task: string;
}

export interface Leftover extends ClaimedRun {
  readonly entry: ContainerEntry;
}

/** What earlier sweeps saw, by the ids of containers. */
export type Sightings = ReadonlyMap<string, Sighting>;

interface Sighting {
  /** On the steady clock, whatever the engine says of when it was created. */
  readonly firstSeenAt: number;
  /** In so many sweeps in a row the log did not know it. */
  readonly unknownSweeps: number;
}

export interface SweepRules {
  readonly instanceId: string;
  readonly graceMs: number;
  /** On the steady clock. */
  readonly now: number;
  /** Asked after the engine gave its list: what the log learns meanwhile is known. */
  readonly isKnown: (run: ClaimedRun) => boolean;
}

export interface SweepResult {
  readonly sightings: Sightings;
  readonly leftovers: readonly Leftover[];
}

/** One sweep may have come between the start of a run and its record; two did not. */
const SWEEPS = 2;

export function sweepContainers(
  entries: readonly ContainerEntry[],
  before: Sightings,
  { instanceId, graceMs, now, isKnown }: SweepRules,
): SweepResult {
  const sightings = new Map<string, Sighting>();
  const leftovers: Leftover[] = [];
  for (const entry of entries) {
    const run = ownRunOf(entry, instanceId);
    if (run === undefined) continue;
    const seen = before.get(entry.id);
    const firstSeenAt = seen?.firstSeenAt ?? now;
    const unknownSweeps = isKnown(run) ? 0 : (seen?.unknownSweeps ?? 0) + 1;
    sightings.set(entry.id, { firstSeenAt, unknownSweeps });
    const isDue = unknownSweeps >= SWEEPS && now - firstSeenAt >= graceMs;
    if (isDue) leftovers.push({ ...run, entry });
  }
  return { sightings, leftovers };
}

/**
 * Undefined unless everything about it says that this agent made it. Labels alone do not: an image that somebody made
 * of a container of ours hands them to all that is started from it.
 */
function ownRunOf({ name, labels }: ContainerEntry, instanceId: string): ClaimedRun | undefined {
  const label = (of: string): string => labels[OWN_LABELS + of] ?? '';
  const launchKey = label('mark').slice(instanceId.length + 1);
  const [allocId, task] = [label('alloc'), label('task')];
  const isOwn =
    label('instance') === instanceId &&
    label('protocol') === '1' &&
    isLaunchKey(launchKey) &&
    label('mark') === markOf(instanceId, launchKey) &&
    name === containerName(launchKey) &&
    allocId !== '' &&
    task !== '' &&
    /^\d+$/.test(label('run'));
  return isOwn ? { launchKey, allocId, task } : undefined;
}
