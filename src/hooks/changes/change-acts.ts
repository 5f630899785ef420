/**
 * What is done about changes while a program runs. What changes together is acted on once: a restart makes everything
 * else needless, a signal is sent once, a script is run once.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, messageOf } from '../../errors.ts';
import type { ChangeRule, ChangeScript } from '../../spec/change-spec.ts';
import type { HookDoors, HookRequest } from '../hook.ts';

export interface Change {
  readonly rule: ChangeRule;
  /** For operators, by the mode that it comes to. */
  readonly reasons: { readonly restart: string; readonly signal: string };
}

interface Batch {
  readonly changes: Change[];
  readonly told: (() => Promise<void>)[];
}

type Acts = Pick<HookDoors, 'signal' | 'restart' | 'sendSignal' | 'exec' | 'message'>;

/** One for all hooks of an agent that tell programs of changes. */
export class ChangeActs {
  readonly #batches = new Map<string, Batch>();

  /**
   * After a random time, which is not recorded: an agent that finds the change not acted on draws another one. Changes
   * that come meanwhile join it. `told` is called when the program has been told by something else than a restart.
   */
  act(
    { allocId, task }: Pick<HookRequest, 'allocId' | 'task'>,
    doors: Acts,
    changes: readonly Change[],
    told: () => Promise<void>,
  ): void {
    const wanted = changes.filter(({ rule }) => rule.mode !== 'noop');
    if (wanted.length === 0) return;
    const key = `${allocId}/${task.name}`;
    const waiting = this.#batches.get(key);
    if (waiting !== undefined) {
      waiting.changes.push(...wanted);
      waiting.told.push(told);
      return;
    }
    const batch: Batch = { changes: [...wanted], told: [told] };
    this.#batches.set(key, batch);
    const longestMs = Math.max(...wanted.map(({ rule }) => rule.splayMs));
    void this.#later(key, batch, doors, Math.random() * longestMs);
  }

  async #later(key: string, batch: Batch, doors: Acts, delayMs: number): Promise<void> {
    try {
      await delay(delayMs, undefined, { signal: doors.signal, ref: false });
      this.#batches.delete(key);
      await perform(batch, doors);
      // crash point: agent.change.acted
      for (const told of batch.told) await told();
    } catch (error) {
      // Whatever is started next has the change; an agent that comes after this one looks for itself.
      if (!doors.signal.aborted) doors.message(`a change is not acted on: ${messageOf(error)}`);
    } finally {
      if (this.#batches.get(key) === batch) this.#batches.delete(key);
    }
  }
}

async function perform({ changes }: Batch, doors: Acts): Promise<void> {
  // crash point: agent.change.due
  const restart = changes.find(({ rule }) => rule.mode === 'restart');
  if (restart !== undefined) return doors.restart(restart.reasons.restart);
  const signals = new Map<string, string>();
  const scripts = new Map<string, ChangeScript>();
  for (const { rule, reasons } of changes) {
    if (rule.mode === 'signal') signals.set(rule.signal, reasons.signal);
    if (rule.mode === 'script') scripts.set(JSON.stringify(rule.script), rule.script);
  }
  for (const [signal, reason] of signals) await doors.sendSignal(signal, reason);
  for (const script of scripts.values()) await runScript(script, doors);
}

/** What it wrote may have a secret in it, and is told nobody. */
async function runScript(script: ChangeScript, doors: Acts): Promise<void> {
  const { command, args, timeoutMs, failOnError } = script;
  let how: string;
  try {
    const { exitCode, signal } = await doors.exec([command, ...args], { timeoutMs });
    if (exitCode === 0) return doors.message(`change script ${command} ended with exit code 0`);
    how = signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`;
  } catch (error) {
    doors.signal.throwIfAborted();
    const { code, message } = HoldfastError.from(error);
    how = code === 'TIMEOUT' ? `took longer than ${timeoutMs / 1_000} s` : `failed: ${message}`;
  }
  const text = `change script ${command} ${how}`;
  if (failOnError) return doors.restart(text, { isCounted: true });
  doors.message(`${text}: the program goes on as it was`);
}
