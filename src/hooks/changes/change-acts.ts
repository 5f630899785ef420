/**
 * What is done about changes while a program runs. What changes together is acted on once: a restart makes everything
 * else needless, a signal is sent once, a script is run once.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, messageOf } from '../../errors.ts';
import type { ChangeRule, ChangeScript } from '../../spec/change-spec.ts';
import type { HookDoors, HookRequest } from '../hook.ts';
import { Sparing } from './sparing.ts';

export interface Change {
  readonly rule: ChangeRule;
  /** For operators, by the mode that it comes to. */
  readonly reasons: { readonly restart: string; readonly signal: string };
}

interface Wish {
  readonly changes: readonly Change[];
  readonly told: () => Promise<void>;
}

type Acts = Pick<
  HookDoors,
  'signal' | 'restart' | 'sendSignal' | 'exec' | 'message' | 'readPublic'
>;

/** Only what passes keeps a program that runs from being told. */
const TRY_AGAIN_MS = 1_000;

/** One for all hooks of an agent that tell programs of changes. */
export class ChangeActs {
  /** By task, what is not acted on yet; a task is in it as long as somebody sees to it. */
  readonly #waiting = new Map<string, Wish[]>();

  /**
   * After a random time, which is not recorded: an agent that finds the change not acted on draws another one. Changes
   * that come meanwhile join it. `told` is called when the program has been told.
   */
  act(
    { allocId, task }: Pick<HookRequest, 'allocId' | 'task'>,
    doors: Acts,
    all: readonly Change[],
    told: () => Promise<void>,
  ): void {
    const changes = all.filter(({ rule }) => rule.mode !== 'noop');
    if (changes.length === 0) return;
    const key = `${allocId}/${task.name}`;
    const others = this.#waiting.get(key);
    if (others !== undefined) {
      others.push({ changes, told });
      return;
    }
    const waiting = [{ changes, told }];
    this.#waiting.set(key, waiting);
    const longestMs = Math.max(...changes.map(({ rule }) => rule.splayMs));
    // Whatever is started next has the change, and an agent that comes after this one looks for itself.
    void seeTo(waiting, doors, Math.random() * longestMs)
      .catch(() => undefined)
      .finally(() => {
        if (this.#waiting.get(key) === waiting) this.#waiting.delete(key);
      });
  }
}

/** Until all is done that came meanwhile. Rejects when the program is one no more. */
async function seeTo(waiting: Wish[], doors: Acts, delayMs: number): Promise<void> {
  const { signal } = doors;
  const words = new Sparing(doors.message);
  let nextMs = delayMs;
  while (waiting.length > 0) {
    await delay(nextMs, undefined, { signal, ref: false });
    nextMs = 0;
    const due = waiting.splice(0);
    try {
      const changes = due.flatMap((wish) => wish.changes);
      await perform(changes, doors);
    } catch (error) {
      signal.throwIfAborted();
      words.say('', `a change is not acted on yet: ${messageOf(error)}`);
      waiting.unshift(...due);
      nextMs = TRY_AGAIN_MS;
      continue;
    }
    try {
      // crash point: agent.change.acted
      for (const { told } of due) await told();
    } catch {
      // It stays in doubt: at worst an agent that comes after this one tells it again.
      signal.throwIfAborted();
    }
  }
}

async function perform(changes: readonly Change[], doors: Acts): Promise<void> {
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

/** Its words stand in the log: no secret gets there. What it wrote may have one in it, and is told nobody. */
async function runScript(script: ChangeScript, doors: Acts): Promise<void> {
  const { command, args, timeoutMs, failOnError } = script;
  let how: string;
  try {
    const argv = [command, ...args].map((word) => doors.readPublic('changeScript', word));
    const { exitCode, signal } = await doors.exec(argv, { timeoutMs });
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
