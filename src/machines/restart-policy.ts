/**
 * Whether a task runs again, and when: one engine for whatever asked, an exit, a failed start, a lost run, a failing
 * check. What an exit code is said to mean comes first; the order of the other rules and their texts are Nomad's
 * (`client/allocrunner/taskrunner/restarts/restarts.go`). Counts come from the log, so an agent restart forgives
 * nothing, and chance is drawn once and recorded.
 */
import type { ExitRule, RestartPolicy } from '../spec/task-spec.ts';
import { formatDuration } from '../spec/duration.ts';
import { causeOf, type RunEnd, type TaskContext } from './task-state.ts';

export type Verdict =
  | {
      readonly kind: 'restart';
      readonly delayMs: number;
      readonly reason: string;
      /** Restarts within the interval, this one included. */
      readonly count: number;
      readonly intervalStart: number;
      readonly isCounted: boolean;
      /** Restarts since one was forgotten, this one included; only of a policy whose delays grow. */
      readonly streak?: number;
    }
  | {
      readonly kind: 'end';
      readonly outcome: 'complete' | 'failed' | 'lost';
      readonly reason: string;
    }
  | { readonly kind: 'hold'; readonly reason: string };

export interface PolicyInput {
  readonly policy: RestartPolicy;
  readonly restartOnSuccess: boolean;
  readonly end: RunEnd;
  readonly restarts: TaskContext['restarts'];
  /** How long the run lived at the least, in milliseconds. Left out: nobody can say, or it never began. */
  readonly ranMs?: number | undefined;
  /** Something wanted the restart, such as a check: how the program took its kill says nothing. */
  readonly isAsked?: boolean;
  /** Milliseconds of the steady clock. */
  readonly now: number;
  /** In [0, 1). */
  readonly chance: number;
}

const JITTER = 0.25;
/** More doublings than any cap leaves room for. */
const MOST_DOUBLINGS = 52;

export function restartVerdict(input: PolicyInput): Verdict {
  const { policy, restartOnSuccess, end, isAsked = false } = input;
  const rule = isAsked ? undefined : ruleFor(policy.exitCodes ?? [], end);
  if (rule !== undefined && rule.then !== 'restart') return byRule(rule.then, end);
  const isSuccess = !isAsked && end.kind === 'exited' && end.exitCode === 0;
  if (isSuccess && !restartOnSuccess && rule === undefined) {
    return ended('complete', 'Restart unnecessary as task terminated successfully');
  }
  if (end.kind === 'fault' && !end.isRecoverable) {
    return givenUp(policy, end, `Error was unrecoverable: ${end.message}`);
  }
  if (end.kind === 'lost' && policy.onLost === 'fail' && end.maybeRan) {
    return givenUp(policy, end, `Run was lost and may have done its work: ${end.reason}`);
  }
  if (policy.attempts === 0) {
    const text = 'Policy allows no restarts';
    return isSuccess ? ended('complete', text) : givenUp(policy, end, text);
  }
  return counted(input);
}

function counted({ policy, end, restarts, ranMs = 0, now, chance }: PolicyInput): Verdict {
  const { attempts, intervalMs, mode, backoff, resetAfterMs = Infinity } = policy;
  const isForgotten = ranMs >= resetAfterMs;
  const isNewInterval =
    restarts.count === 0 || isForgotten || now > restarts.intervalStart + intervalMs;
  // After a reboot with a wrong wall clock it may lie ahead: an interval never begins later than now.
  const intervalStart = isNewInterval ? now : Math.min(restarts.intervalStart, now);
  const count = isNewInterval ? 1 : restarts.count + 1;
  const before = resetAfterMs === Infinity ? count - 1 : (restarts.streak ?? restarts.count);
  const streak = isForgotten ? 1 : before + 1;
  const again = { kind: 'restart', intervalStart, isCounted: true } as const;
  const counts = backoff === undefined ? { count } : { count, streak };
  if (count <= attempts) {
    const delayMs = Math.round(plainDelayMs(policy, streak) * (1 + JITTER * chance));
    return { ...again, ...counts, delayMs, reason: 'Restart within policy' };
  }
  if (mode !== 'delay') {
    const span = formatDuration(intervalMs);
    const text = `Exceeded allowed attempts ${attempts} in interval ${span} and mode is "${mode}"`;
    return givenUp(policy, end, text);
  }
  const delayMs = Math.max(0, intervalStart + intervalMs - now);
  return { ...again, ...counts, delayMs, reason: 'Exceeded allowed attempts, applying a delay' };
}

/** Without what chance adds. */
function plainDelayMs({ delayMs, backoff, maxDelayMs }: RestartPolicy, streak: number): number {
  if (backoff === undefined) return delayMs;
  const grown = delayMs * 2 ** Math.min(streak - 1, MOST_DOUBLINGS);
  return Math.min(grown, maxDelayMs ?? grown);
}

function ruleFor(rules: readonly ExitRule[], end: RunEnd): ExitRule | undefined {
  if (end.kind !== 'exited') return undefined;
  const { exitCode, signal } = end;
  return rules.find(({ from, to, signal: named }) => {
    if (named !== undefined) return named === signal;
    return exitCode !== null && exitCode >= (from ?? 0) && exitCode <= (to ?? from ?? 0);
  });
}

function byRule(then: 'complete' | 'fail' | 'hold', end: RunEnd): Verdict {
  const reason = `Policy for ${causeOf(end)} is "${then}"`;
  if (then === 'hold') return { kind: 'hold', reason };
  return ended(then === 'fail' ? 'failed' : 'complete', reason);
}

/** No restart follows a failure: it is the end, or it is looked at first. */
function givenUp({ mode }: RestartPolicy, end: RunEnd, reason: string): Verdict {
  if (mode === 'hold') return { kind: 'hold', reason };
  return ended(end.kind === 'lost' ? 'lost' : 'failed', reason);
}

function ended(outcome: 'complete' | 'failed' | 'lost', reason: string): Verdict {
  return { kind: 'end', outcome, reason };
}
