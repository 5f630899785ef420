/** Looks at a program again and again until its signal aborts: one probe at a time, whatever others do. */
import { HoldfastError, isRetryable, messageOf } from '../../errors.ts';
import type { CheckStatus } from '../../events/task-event.ts';
import { pause, type Clock } from '../../ports.ts';
import type { CheckSpec } from '../../spec/check-spec.ts';
import type { Probe, ProbeResult } from './probe.ts';
import { Tally, type Counted } from './tally.ts';

/** A program that begins has so long before it is looked at, unless that is done more often. */
const FIRST_MS = 1_000;

export interface CheckDoors {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What is recorded of this run. */
  readonly known: CheckStatus | undefined;
  /** How long the program has been running, in milliseconds. */
  readonly ageMs: () => number;
  /** Resolves when it is recorded, if it is news. */
  readonly report: (status: CheckStatus, output: string) => Promise<void>;
  /** A look that says nothing of the program, such as while a host is being replaced, or whose news nobody took. */
  readonly skipped: (why: string) => void;
  /** Asked for once. */
  readonly restart: () => Promise<void>;
}

/** Resolves when a restart was asked for; rejects when its signal aborts. */
export async function keepChecking(
  check: CheckSpec,
  probe: Probe,
  doors: CheckDoors,
): Promise<void> {
  const { clock, signal } = doors;
  const { initialStatus, intervalMs } = check;
  if (doors.known === undefined && initialStatus !== undefined) {
    await told({ status: initialStatus, isRestartDue: false }, '', doors);
  }
  let last: Promise<unknown> = Promise.resolve();
  const looks: Probe = (ofProbe) => {
    const look = probe(ofProbe);
    last = look.catch(() => undefined);
    return look;
  };
  const tally = new Tally(check, doors.known ?? initialStatus);
  await pause(clock, clock.steady() + Math.min(FIRST_MS, intervalMs), signal);
  for (;;) {
    const began = clock.steady();
    const result = await probed(check, looks, doors);
    if (result !== undefined) {
      const found = tally.add(result.status, doors.ageMs());
      if ((await told(found, result.output, doors)) && found.isRestartDue) return;
    }
    await pause(clock, began + intervalMs, signal);
    // One that was given up may still be ending; one that never ends keeps nobody from looking.
    const patience = new AbortController();
    const enough = AbortSignal.any([signal, patience.signal]);
    const late = pause(clock, clock.steady() + check.timeoutMs, enough);
    await Promise.race([last, late]).finally(() => patience.abort());
  }
}

/** False when it could not be said: the next look says it again. */
async function told(
  { status, isRestartDue }: Counted,
  output: string,
  { signal, report, restart, skipped }: CheckDoors,
): Promise<boolean> {
  try {
    if (status !== undefined) await report(status, output);
    if (isRestartDue) await restart();
    return true;
  } catch (error) {
    signal.throwIfAborted();
    skipped(messageOf(error));
    return false;
  }
}

/** Undefined for a look that says nothing of the program. */
async function probed(
  { timeoutMs }: CheckSpec,
  probe: Probe,
  { clock, signal, skipped }: CheckDoors,
): Promise<ProbeResult | undefined> {
  const timeUp = new AbortController();
  const late = new HoldfastError('TIMEOUT', `timed out after ${timeoutMs / 1000} s`);
  const cancel = clock.at(clock.steady() + timeoutMs, () => timeUp.abort(late));
  try {
    return await untilAborted(probe, AbortSignal.any([signal, timeUp.signal]));
  } catch (error) {
    signal.throwIfAborted();
    if (timeUp.signal.aborted) return { status: 'critical', output: messageOf(late) };
    if (isRetryable(error)) {
      skipped(messageOf(error));
      return undefined;
    }
    return { status: 'critical', output: messageOf(error) };
  } finally {
    cancel();
  }
}

/** A probe that does not hear the signal is not waited for. */
function untilAborted(probe: Probe, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    probe(signal)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}
