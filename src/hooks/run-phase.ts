/** The only loop that runs hooks: every phase, by its row in the table. */
import { errnoOf, HoldfastError, isExhaustion, isRetryable, messageOf } from '../errors.ts';
import type { EnvEntry, HookPhase } from '../events/task-event.ts';
import type { HookFault, HookResult } from '../machines/task-messages.ts';
import type { Clock } from '../ports.ts';
import { assertGift } from './gift-rules.ts';
import type { GivenSecret, Hook, HookDoors, HookRequest, PrestartResult } from './hook.ts';
import { PHASES } from './phases.ts';

export interface PhaseRun {
  readonly phase: HookPhase;
  /** The hooks of the task's recorded plan, in its order. */
  readonly hooks: readonly Hook[];
  /** `given` are the results of the hooks before it in this phase, recorded or not. */
  readonly requestFor: (hook: Hook, given: readonly HookResult[]) => HookRequest;
  readonly doorsFor: (hook: Hook, signal: AbortSignal, given: readonly HookResult[]) => HookDoors;
  /** Keeps the values of secrets, and says what may be recorded of those that are variables. */
  readonly keepSecrets: (hook: Hook, secrets: readonly GivenSecret[]) => readonly EnvEntry[];
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Told of results that are not the last, when the next hook takes its time. */
  readonly onProgress?: (results: readonly HookResult[]) => void;
}

export interface PhaseOutcome {
  /** Those not handed to `onProgress` before. */
  readonly results: readonly HookResult[];
  readonly faults: readonly HookFault[];
}

/** A hook that takes longer gets what came before it recorded first: results of quick hooks share one append. */
const QUICK_MS = 20;

/** Runs a phase. Rejects only with the abort reason of `signal`; a hook's failure is a fault in the outcome. */
export async function runPhase(run: PhaseRun): Promise<PhaseOutcome> {
  const rule = PHASES[run.phase];
  const hooks = run.hooks.filter((hook) => hook[run.phase] !== undefined);
  const ordered = rule.order === 'forward' ? hooks : hooks.toReversed();
  let results: HookResult[] = [];
  const given: HookResult[] = [];
  const faults: HookFault[] = [];
  for (const hook of ordered) {
    run.signal.throwIfAborted();
    const cancelFlush = run.clock.at(run.clock.steady() + QUICK_MS, () => {
      if (results.length === 0 || run.onProgress === undefined) return;
      run.onProgress(results);
      results = [];
    });
    const outcome = await runHook(run, hook, given).finally(cancelFlush);
    if ('message' in outcome) faults.push(outcome);
    else if (rule.isRecorded) {
      results.push(outcome);
      given.push(outcome);
    }
    if (faults.length > 0 && rule.onError === 'stop') break;
  }
  return { results, faults };
}

async function runHook(
  run: PhaseRun,
  hook: Hook,
  before: readonly HookResult[],
): Promise<HookResult | HookFault> {
  const began = run.clock.steady();
  const limitMs = hook.timeLimitMs ?? PHASES[run.phase].timeLimitMs;
  const timeUp = new AbortController();
  const signal = AbortSignal.any([run.signal, timeUp.signal]);
  const tookMs = (): number => Math.max(0, run.clock.steady() - began);
  let cancelTimer = (): void => {};
  try {
    const limit = new Promise<never>((_resolve, reject) => {
      cancelTimer = run.clock.at(began + limitMs, () => timeUp.abort(tooSlow(hook, limitMs)));
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    const work = callHook(run, hook, signal, before);
    // A hook that ignores its signal may still fail after it was given up: that is nobody's news any more.
    work.catch(() => {});
    const given = await Promise.race([work, limit]);
    return resultOf(run, hook, tookMs(), given ?? {});
  } catch (error) {
    run.signal.throwIfAborted();
    const isRecoverable = isRetryable(error) || isExhaustion(errnoOf(error));
    return { hook: hook.name, tookMs: tookMs(), isRecoverable, message: messageOf(error) };
  } finally {
    cancelTimer();
  }
}

async function callHook(
  run: PhaseRun,
  hook: Hook,
  signal: AbortSignal,
  given: readonly HookResult[],
): Promise<PrestartResult | void> {
  return hook[run.phase]?.(run.requestFor(hook, given), run.doorsFor(hook, signal, given));
}

function tooSlow(hook: Hook, limitMs: number): HoldfastError {
  return new HoldfastError('TIMEOUT', `hook ${hook.name} took longer than ${limitMs / 1000} s`);
}

/** Throws HOOK_FAILED for what no program can be given. */
function resultOf(run: PhaseRun, hook: Hook, tookMs: number, given: PrestartResult): HookResult {
  assertGift(hook.name, given);
  const { env = {}, state = {}, secrets, mounts, user } = given;
  const plain = Object.entries(env).map(([name, value]) => ({ name, value }));
  const kept = secrets === undefined ? [] : run.keepSecrets(hook, secrets);
  return {
    hook: hook.name,
    tookMs,
    isDone: given.isDone === true && (secrets ?? []).length === 0,
    env: [...plain, ...kept],
    state,
    ...(mounts !== undefined && mounts.length > 0 && { mounts }),
    ...(user !== undefined && { user }),
  };
}
