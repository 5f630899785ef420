/** The restart policy of a task, put together and checked. The oldest rules are Nomad's (`structs.RestartPolicy`). */
import { DEFAULT_RESTART, type AllocType } from './alloc-spec.ts';
import { durationMs, formatDuration } from './duration.ts';
import { crossedRanges, exitRules } from './exit-rules.ts';
import type { CheckedGroup, CheckedRestart } from './group-schema.ts';
import type { KeyPath, KeyProblem } from './key-names.ts';
import type { RestartPolicy } from './task-spec.ts';

/** As the group and as the task say it. */
type Written = readonly [group: CheckedRestart | undefined, task: CheckedRestart | undefined];

const MIN_INTERVAL_MS = 5_000;
/** The cap of Kubernetes. */
const MAX_DELAY_MS = 300_000;

/** The policy of one task: its own fields, then the group's, then the defaults of the group's type. */
export function restartPolicy(
  type: AllocType,
  group: CheckedRestart | undefined,
  task: CheckedRestart | undefined,
): RestartPolicy {
  const byDefault = DEFAULT_RESTART[type];
  const own = <K extends keyof CheckedRestart>(key: K): CheckedRestart[K] =>
    task?.[key] ?? group?.[key];
  const [interval, delay, maxDelay] = [own('interval'), own('delay'), own('maxDelay')];
  const [backoff, resetAfter, exitCodes] = [own('backoff'), own('resetAfter'), own('exitCodes')];
  const delayMs = delay === undefined ? byDefault.delayMs : durationMs(delay);
  const maxDelayMs =
    maxDelay === undefined ? Math.max(MAX_DELAY_MS, delayMs) : durationMs(maxDelay);
  return {
    attempts: own('attempts') ?? byDefault.attempts,
    intervalMs: interval === undefined ? byDefault.intervalMs : durationMs(interval),
    delayMs,
    mode: own('mode') ?? byDefault.mode,
    onLost: own('onLost') ?? byDefault.onLost,
    ...(backoff === 'exponential' ? { backoff, maxDelayMs } : {}),
    ...(resetAfter === undefined ? {} : { resetAfterMs: durationMs(resetAfter) }),
    ...(exitCodes === undefined ? {} : { exitCodes: exitRules(exitCodes) }),
  };
}

/** A mistake of the group's policy is told once, not again for every task that has none of its own. */
export function restartProblems(group: CheckedGroup): readonly KeyProblem[] {
  const problems: KeyProblem[] = [];
  const look = (path: KeyPath, ...written: Written): void => {
    const text = policyFault(restartPolicy(group.type, ...written), written);
    if (text !== undefined) problems.push({ path, text });
  };
  if (group.restart !== undefined) look(['restart'], group.restart, undefined);
  for (const [index, task] of group.tasks.entries()) {
    if (task.restart !== undefined) look(['tasks', index, 'restart'], group.restart, task.restart);
  }
  return problems;
}

function policyFault(policy: RestartPolicy, written: Written): string | undefined {
  const { attempts, intervalMs, mode } = policy;
  if (attempts === 0 && mode === 'delay') {
    return 'is ambiguous: attempts 0 says never, mode "delay" says again. Use mode "fail" for never';
  }
  if (intervalMs < MIN_INTERVAL_MS) {
    return `has an interval of ${formatDuration(intervalMs)}: at least 5s is needed`;
  }
  const crossed = written.flatMap((one) => crossedRanges(Object.keys(one?.exitCodes ?? {})) ?? []);
  if (crossed.length > 0) {
    return `has exit codes of which nobody can say which holds: "${crossed[0]}" and "${crossed[1]}"`;
  }
  return delayFault(policy, written) ?? roomFault(policy);
}

function delayFault(
  { delayMs, backoff, maxDelayMs = delayMs, resetAfterMs }: RestartPolicy,
  written: Written,
): string | undefined {
  if (backoff === undefined && written.some((one) => one?.maxDelay !== undefined)) {
    return 'has a maxDelay, which needs backoff "exponential": a constant delay has no other limit';
  }
  if (maxDelayMs < delayMs) {
    return `has a maxDelay of ${formatDuration(maxDelayMs)}, which is less than its delay of ${formatDuration(delayMs)}`;
  }
  return resetAfterMs === 0
    ? 'has a resetAfter of 0s, which would forget every restart'
    : undefined;
}

function roomFault({ attempts, delayMs, intervalMs, ...rest }: RestartPolicy): string | undefined {
  const cap = rest.maxDelayMs ?? delayMs;
  let sumMs = 0;
  let [left, next] = [attempts, delayMs];
  while (rest.backoff !== undefined && left > 0 && next > 0 && next < cap) {
    sumMs += next;
    [left, next] = [left - 1, next * 2];
  }
  sumMs += left * Math.min(next, cap);
  if (sumMs <= intervalMs) return undefined;
  const written =
    rest.backoff === undefined
      ? `a delay of ${formatDuration(delayMs)}`
      : `delays from ${formatDuration(delayMs)} to ${formatDuration(cap)}`;
  return (
    `cannot be kept: ${attempts} attempts with ${written} take longer ` +
    `than the interval of ${formatDuration(intervalMs)}`
  );
}
