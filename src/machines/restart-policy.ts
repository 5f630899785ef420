/**
 * Whether a task runs again, and when. The order of the rules and the texts are Nomad's
 * (`client/allocrunner/taskrunner/restarts/restarts.go`); counts come from the log, so an agent restart forgives
 * nothing, and chance is drawn once and recorded.
 */
import type { RestartPolicy } from '../spec/task-spec.ts';
import { formatDuration } from '../spec/duration.ts';
import type { RunEnd, TaskContext } from './task-state.ts';

export type Verdict =
  | {
      readonly kind: 'restart';
      readonly delayMs: number;
      readonly reason: string;
      /** Restarts within the interval, this one included. */
      readonly count: number;
      readonly intervalStart: number;
      readonly isCounted: boolean;
    }
  | {
      readonly kind: 'end';
      readonly outcome: 'complete' | 'failed' | 'lost';
      readonly reason: string;
    };

export interface PolicyInput {
  readonly policy: RestartPolicy;
  readonly restartOnSuccess: boolean;
  readonly end: RunEnd;
  readonly restarts: TaskContext['restarts'];
  /** Milliseconds of the steady clock. */
  readonly now: number;
  /** In [0, 1). */
  readonly chance: number;
}

const JITTER = 0.25;

export function restartVerdict(input: PolicyInput): Verdict {
  const { policy, restartOnSuccess, end, restarts, now, chance } = input;
  const isSuccess = end.kind === 'exited' && end.exitCode === 0;
  if (isSuccess && !restartOnSuccess) {
    return ended('complete', 'Restart unnecessary as task terminated successfully');
  }
  if (end.kind === 'fault' && !end.isRecoverable) {
    return ended('failed', `Error was unrecoverable: ${end.message}`);
  }
  if (end.kind === 'lost' && policy.onLost === 'fail' && end.maybeRan) {
    return ended('lost', `Run was lost and may have done its work: ${end.reason}`);
  }
  if (policy.attempts === 0) {
    return ended(isSuccess ? 'complete' : outcomeOf(end), 'Policy allows no restarts');
  }
  const isNewInterval = restarts.count === 0 || now > restarts.intervalStart + policy.intervalMs;
  // After a reboot with a wrong wall clock it may lie ahead: an interval never begins later than now.
  const intervalStart = isNewInterval ? now : Math.min(restarts.intervalStart, now);
  const count = isNewInterval ? 1 : restarts.count + 1;
  const again = { kind: 'restart', intervalStart, isCounted: true } as const;
  if (count <= policy.attempts) {
    const delayMs = Math.round(policy.delayMs * (1 + JITTER * chance));
    return { ...again, delayMs, count, reason: 'Restart within policy' };
  }
  if (policy.mode === 'fail') {
    const span = formatDuration(policy.intervalMs);
    const text = `Exceeded allowed attempts ${policy.attempts} in interval ${span} and mode is "fail"`;
    return ended(outcomeOf(end), text);
  }
  const delayMs = Math.max(0, intervalStart + policy.intervalMs - now);
  return { ...again, delayMs, count, reason: 'Exceeded allowed attempts, applying a delay' };
}

function outcomeOf(end: RunEnd): 'failed' | 'lost' {
  return end.kind === 'lost' ? 'lost' : 'failed';
}

function ended(outcome: 'complete' | 'failed' | 'lost', reason: string): Verdict {
  return { kind: 'end', outcome, reason };
}
