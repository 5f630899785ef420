/**
 * Supervision in OTP's words: a child spec is data, a child that ends is started again as its spec says, and one that
 * ends too often is escalated instead of being started in a tight loop.
 */
import { HoldfastError, messageOf } from '../errors.ts';
import { pause, type Clock } from '../ports.ts';

export interface ChildSpec {
  readonly id: string;
  /** permanent: always started again; transient: only after a crash; temporary: never. */
  readonly restart: 'permanent' | 'transient' | 'temporary';
  /** More than `restarts` within `withinMs` escalates. */
  readonly intensity: { readonly restarts: number; readonly withinMs: number };
  /** So long after an escalation it is started again after all; left out: never. */
  readonly againAfterMs?: number;
}

/** How a child ended: by itself, or with what it crashed of. */
export type ChildEnd = { readonly error?: unknown };

/** Starts a child and resolves when it has ended. It must not reject: a crash is an `error`. */
export type StartChild = (attempt: number) => Promise<ChildEnd>;

export interface SupervisorDoors {
  readonly clock: Clock;
  /** A child was ended by `error` and is started again. */
  readonly onRestart?: (spec: ChildSpec, error: unknown) => void;
  /** A child crashed more often than its spec allows, or of a newer agent: it is started after a while, or never. */
  readonly onEscalate: (spec: ChildSpec, error: HoldfastError) => void;
}

/** Keeps one child alive as its spec says. Resolves when it is not to be started again. */
export async function supervise(
  spec: ChildSpec,
  start: StartChild,
  doors: SupervisorDoors,
  signal: AbortSignal,
): Promise<void> {
  const recent: number[] = [];
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    const end = await start(attempt);
    if (signal.aborted || !isStartedAgain(spec, end)) return;
    // Another agent is in charge. Whoever is told cannot write it down, and that ends this agent.
    if (HoldfastError.is(end.error, 'EPOCH_STALE')) return doors.onEscalate(spec, end.error);
    const now = doors.clock.steady();
    recent.push(now);
    while ((recent[0] as number) < now - spec.intensity.withinMs) recent.shift();
    if (recent.length > spec.intensity.restarts) {
      doors.onEscalate(spec, tooOften(spec, end.error));
      if (spec.againAfterMs === undefined) return;
      recent.length = 0;
      const atMs = doors.clock.steady() + spec.againAfterMs;
      await pause(doors.clock, atMs, signal).catch(() => undefined);
      if (signal.aborted) return;
    }
    doors.onRestart?.(spec, end.error);
  }
}

function isStartedAgain(spec: ChildSpec, end: ChildEnd): boolean {
  if (spec.restart === 'temporary') return false;
  return spec.restart === 'permanent' || end.error !== undefined;
}

function tooOften(spec: ChildSpec, cause: unknown): HoldfastError {
  const { restarts, withinMs } = spec.intensity;
  const why = cause === undefined ? 'it ended' : messageOf(cause);
  const text = `${spec.id} ended more than ${restarts} times in ${withinMs / 1000} s: ${why}`;
  return new HoldfastError('INTERNAL', text, { cause });
}
