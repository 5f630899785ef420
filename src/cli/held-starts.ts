/** Why what is wanted does not begin: the agent holds every start up for as long as something is wrong. */
import type { AgentView, TaskView } from '../api.ts';

const WORDS: Readonly<Record<string, string>> = {
  'boot-sweep': 'the agent still looks at what an earlier one left',
  'disk-low': 'the disk is nearly full',
  'safe-mode': 'agents died too often here, and this one starts nothing for a minute',
};

/** A task as `ps --json` and `inspect --json` print it. */
export interface HeldTask extends TaskView {
  /** Why its start waits now: `boot-sweep`, `disk-low`, `safe-mode`, `driver`; empty when it does not. */
  readonly startHeldBy: readonly string[];
}

/** `output of … waits`, one line for each task. */
export function waitingLines({
  outputWaiting,
}: Pick<AgentView, 'outputWaiting'>): readonly string[] {
  return outputWaiting.map(
    ({ task, since, reason }) =>
      `output of ${task} waits since ${since}: it cannot be written (${reason})`,
  );
}

/** What of an agent says why starts wait. */
export type StartHolds = Pick<AgentView, 'startsHeld' | 'drivers'>;

/** `starts wait: …`, one line for each reason; for drivers, of those that one of `tasks` waits for. */
export function heldLines(
  { startsHeld, drivers }: StartHolds,
  tasks: readonly HeldTask[],
): readonly string[] {
  const wanted = tasks.filter(({ startHeldBy }) => startHeldBy.includes('driver'));
  const names = new Set(wanted.map(({ driver }) => driver));
  return [
    ...startsHeld.map((hold) => `starts wait: ${WORDS[hold] ?? hold}`),
    ...drivers
      .filter(({ driver }) => names.has(driver))
      .map(
        ({ driver, health, message }) => `starts wait: driver ${driver} is ${health}: ${message}`,
      ),
  ];
}

/** Tasks that have not come to their program yet wait; what runs, and what has ended, does not. */
export function withHolds(task: TaskView, { startsHeld, drivers }: StartHolds): HeldTask {
  const waits = task.state === 'prestart' || task.state === 'starting' || task.state === 'pending';
  if (!waits) return { ...task, startHeldBy: [] };
  const known = drivers.find(({ driver }) => driver === task.driver);
  const isHeld = known !== undefined && known.health !== 'healthy';
  return { ...task, startHeldBy: isHeld ? [...startsHeld, 'driver'] : startsHeld };
}
