/** Waiting for the end of a container, and bringing it about. What the engine does not say is never an end. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerFacts, Engine } from '../../engine/engine.ts';
import { EngineError } from '../../engine/engine-error.ts';
import { HoldfastError, messageOf } from '../../errors.ts';
import type { StopStep } from '../../machines/kill-policy.ts';
import type { StopOutcome } from '../driver.ts';
import { type Found, isLiving } from './container-sight.ts';
import { retryDelayMs } from './container-start.ts';

export type Find = () => Promise<Found>;

/** Resolves when the engine shows that it does not run any more, however long that takes and whatever fails. */
export async function untilEnded(engine: Engine, find: Find, signal: AbortSignal): Promise<Found> {
  for (let failures = 0; ;) {
    signal.throwIfAborted();
    let hasWaited = false;
    try {
      const found = await find();
      if (found.is !== 'ours' || !isLiving(found.facts)) return found;
      // Only a sign that it is time to look: a wait breaks off with its engine.
      hasWaited = true;
      await engine.waitContainer(found.facts.id, signal);
      failures = 0;
    } catch (error) {
      signal.throwIfAborted();
      const fault = EngineError.of(error);
      if (fault === undefined) throw error;
      failures = hasWaited && fault.kind === 'timeout' ? 0 : failures + 1;
    }
    await delay(retryDelayMs(failures), undefined, { signal });
  }
}

/** False when it still runs after that time. Throws when the engine does not say. */
async function endedWithin(
  engine: Engine,
  find: Find,
  waitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const enough = AbortSignal.timeout(waitMs);
  try {
    await untilEnded(engine, find, AbortSignal.any([signal, enough]));
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (!enough.aborted) throw error;
  }
  const found = await find();
  return found.is !== 'ours' || !isLiving(found.facts);
}

/** Carries out the plan. `note` is told of every signal before it is sent. Throws UNAVAILABLE while nobody can know. */
export async function endContainer(
  { engine, find, note }: { engine: Engine; find: Find; note: (signal: string) => void },
  facts: ContainerFacts,
  plan: readonly StopStep[],
  signal: AbortSignal,
): Promise<StopOutcome> {
  let said = '';
  for (const step of plan) {
    note(step.signal);
    said = await sent(engine, facts.id, step.signal, signal);
    if (await endedWithin(engine, find, step.waitMs, signal)) return { kind: 'ended' };
  }
  const text = `container ${facts.id.slice(0, 12)} outlived SIGKILL${said}`;
  return { kind: 'stuck', message: text };
}

/**
 * What the engine said against it, if anything. It may have arrived all the same: only force, which means the same
 * twice, is sent again.
 */
async function sent(
  engine: Engine,
  id: string,
  name: string,
  signal: AbortSignal,
): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await engine.killContainer(id, name);
      return '';
    } catch (error) {
      signal.throwIfAborted();
      if (EngineError.of(error) === undefined) throw error;
      if (name !== 'SIGKILL' || attempt === KILL_ATTEMPTS) return `: ${messageOf(error)}`;
    }
    await delay(retryDelayMs(attempt), undefined, { signal });
  }
}

const KILL_ATTEMPTS = 4;

/** Nobody can say now; whoever asks again later may hear it. */
export function lookAgain(what: string): HoldfastError {
  return new HoldfastError('UNAVAILABLE', what);
}
