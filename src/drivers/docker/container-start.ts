/**
 * From a claim that was won to a container that was started: each call may fail before or after it worked, and what
 * the engine shows afterwards is the truth. What cannot be known is thrown, and looked at again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '../../engine/engine.ts';
import { EngineError } from '../../engine/engine-error.ts';
import { HoldfastError, messageOf } from '../../errors.ts';
import type { StartOutcome } from '../driver.ts';
import type { ContainerBody } from './container-body.ts';
import { type Found, hasBegun } from './container-sight.ts';

type Refused = Extract<StartOutcome, { kind: 'refused' }>;

export interface StartWish {
  readonly engine: Engine;
  readonly name: string;
  readonly body: ContainerBody;
  readonly attempts: number;
  /** Looks it up by its name. */
  readonly find: () => Promise<Found>;
  readonly signal: AbortSignal;
}

/** Between two attempts: 50 ms, 200 ms, 800 ms, then 2 s. */
export function retryDelayMs(attempt: number): number {
  return Math.min(2_000, 50 * 4 ** attempt);
}

const IS_RETRYABLE = { isRecoverable: true } as const;

/** Creates it, or takes the one that is ours already. */
export async function createContainer(wish: StartWish): Promise<string | Refused> {
  const { engine, name, body, attempts, find, signal } = wish;
  let trouble: unknown;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    signal.throwIfAborted();
    try {
      // The first create tells by itself that the name is taken.
      const found: Found = attempt === 0 ? { is: 'absent' } : await find();
      if (found.is === 'foreign') return nameConflict(name);
      if (found.is === 'ours') return found.facts.id;
      return (await engine.createContainer(name, body)).id;
    } catch (error) {
      const final = finalRefusal(error);
      if (final !== undefined) return final;
      trouble = error;
    }
    await delay(retryDelayMs(attempt), undefined, { signal });
  }
  const found = await find();
  if (found.is === 'foreign') return nameConflict(name);
  if (found.is === 'ours') return found.facts.id;
  return givenUp(trouble, 'created');
}

/**
 * Starts it; undefined when it was started, by this call or by one before it. One that has ended would begin again: an
 * engine is asked for a start only of what it shows not to have begun.
 */
export async function startContainer(wish: StartWish, id: string): Promise<Refused | undefined> {
  const { engine, attempts, signal } = wish;
  let trouble: unknown;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    signal.throwIfAborted();
    try {
      const facts = await engine.inspectContainer(id);
      if (facts !== undefined && hasBegun(facts)) return undefined;
      const why = facts && trouble !== undefined && startRefusal(trouble, facts.state);
      if (why) return why;
      await engine.startContainer(id);
      return undefined;
    } catch (error) {
      if (EngineError.of(error) === undefined) throw error;
      trouble = error;
    }
    await delay(retryDelayMs(attempt), undefined, { signal });
  }
  const facts = await engine.inspectContainer(id);
  if (facts !== undefined && hasBegun(facts)) return undefined;
  return (facts && startRefusal(trouble, facts.state)) ?? givenUp(trouble, 'started');
}

/** Has it removed; throws when that cannot be known. What was removed by somebody else is gone too. */
export async function removeContainer(engine: Engine, ref: string): Promise<void> {
  let trouble: unknown;
  for (let attempt = 0; attempt < REMOVAL_ATTEMPTS; attempt += 1) {
    try {
      await engine.removeContainer(ref, { force: true, volumes: true });
      return;
    } catch (error) {
      trouble = error;
    }
    await delay(retryDelayMs(attempt));
  }
  if ((await engine.inspectContainer(ref)) === undefined) return;
  throw trouble;
}

const REMOVAL_ATTEMPTS = 4;

function nameConflict(name: string): Refused {
  const message = `NameConflict: there is a container ${name} that is not ours, and it is left alone`;
  return { kind: 'refused', code: 'START_FAILED', message, isRecoverable: false };
}

/** A refusal that the same call would meet again. A name that is taken is looked at instead. */
function finalRefusal(error: unknown): Refused | undefined {
  const fault = EngineError.of(error);
  if (fault === undefined) throw error;
  const { status = 500, message } = fault;
  if (fault.kind !== 'refused' || status >= 500 || status === 409) return undefined;
  // The image may be there the next time.
  if (status === 404) return { kind: 'refused', code: 'START_RETRYABLE', message, ...IS_RETRYABLE };
  return { kind: 'refused', code: 'START_FAILED', message, isRecoverable: false };
}

/** What the engine says in its own words of why no program came of it. */
function startRefusal(
  error: unknown,
  { exitCode, error: said }: { readonly exitCode: number; readonly error: string },
): Refused | undefined {
  const message = said === '' ? messageOf(error) : said;
  if (/port is already allocated|address already in use/.test(message)) {
    return { kind: 'refused', code: 'PORT_IN_USE', message, ...IS_RETRYABLE };
  }
  if (said === '') return undefined;
  const code = { 126: 'COMMAND_NOT_EXECUTABLE', 127: 'COMMAND_NOT_FOUND' }[exitCode];
  if (code !== undefined) return { kind: 'refused', code, message, isRecoverable: false };
  return { kind: 'refused', code: 'START_FAILED', message, ...IS_RETRYABLE };
}

/** The engine shows that it is not so: only of calls that were refused is that the last word. */
function givenUp(trouble: unknown, what: string): Refused {
  const fault = EngineError.of(trouble);
  const message = `the container could not be ${what}: ${messageOf(trouble)}`;
  if (fault?.kind !== 'refused') {
    throw new HoldfastError('UNAVAILABLE', message, { cause: trouble });
  }
  return { kind: 'refused', code: 'START_RETRYABLE', message, ...IS_RETRYABLE };
}
