/** Why what is wanted does not begin: the agent holds every start up for as long as something is wrong. */
import type { AgentView, TaskView } from '../api.ts';

const WORDS: Readonly<Record<string, string>> = {
  'boot-sweep': 'the agent still looks at what an earlier one left',
  'disk-low': 'the disk is nearly full',
  'safe-mode': 'agents died too often here, and this one starts nothing for a minute',
};

/** A task as `ps --json` and `inspect --json` print it. */
export interface HeldTask extends TaskView {
  /** Why its start waits now: `boot-sweep`, `disk-low`, `safe-mode`; empty when it does not. */
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

/** `starts wait: …`, one line for each reason. */
export function heldLines(holds: readonly string[]): readonly string[] {
  return holds.map((hold) => `starts wait: ${WORDS[hold] ?? hold}`);
}

/** Tasks that have not come to their program yet wait; what runs, and what has ended, does not. */
export function withHolds(task: TaskView, holds: readonly string[]): HeldTask {
  const waits = task.state === 'prestart' || task.state === 'starting' || task.state === 'pending';
  return { ...task, startHeldBy: waits ? holds : [] };
}
