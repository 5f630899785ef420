/** How a run is ended, as data: which signal, to whom, and how long to wait before the next step. */

export interface StopStep {
  readonly signal: string;
  readonly target: 'leader' | 'group' | 'tree';
  /** How long to wait for the end before the next step. */
  readonly waitMs: number;
}

export interface KillWish {
  readonly signal: string;
  /** When force is used, in milliseconds of the steady clock. */
  readonly deadline: number;
  /** The whole time that the program has: no clock that was set anew makes it longer. */
  readonly killTimeoutMs: number;
}

/** How long a SIGKILL may take before the task counts as stuck (Nomad's executor waits as long). */
const FORCE_WAIT_MS = 15_000;

/**
 * The wished signal to the program, then force against everything of it. The deadline is absolute and recorded, so an
 * agent that wakes up in the middle of a kill waits only for what is left.
 */
export function stopPlan(kill: KillWish, now: number): readonly StopStep[] {
  const leftMs = Math.min(kill.killTimeoutMs, Math.max(0, kill.deadline - now));
  const force: StopStep = { signal: 'SIGKILL', target: 'tree', waitMs: FORCE_WAIT_MS };
  if (leftMs === 0 || kill.signal === 'SIGKILL') return [force];
  return [{ signal: kill.signal, target: 'leader', waitMs: leftMs }, force];
}

/** What is left of a run whose program has ended is killed at once. */
export const LEFTOVER_PLAN: readonly StopStep[] = [
  { signal: 'SIGKILL', target: 'tree', waitMs: FORCE_WAIT_MS },
];

/** Pause before a stuck kill is tried again: 5 s, 20 s, 80 s, then every 2 minutes (Nomad's ladder, without an end). */
export function killRetryDelayMs(attempt: number): number {
  return Math.min(120_000, 5_000 * 4 ** attempt);
}
