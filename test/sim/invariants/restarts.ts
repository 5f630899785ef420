/**
 * Restarts and waits, from the log and the world's own time.
 *   I15  no more restarts in an interval than the policy allows, whatever died in between
 *   P12  a delay lasts as long as was recorded, whoever turned which clock
 */
import type { World } from '../world/world.ts';
import type { Fail } from './invariants.ts';
import type { BookEvent, LogBook } from './log-book.ts';

interface Wait {
  readonly sinceMs: number;
  readonly delayMs: number;
  readonly bootId: string;
}

const ROUNDING_MS = 12;

export class RestartInvariants {
  readonly #world: World;
  readonly #fail: Fail;
  readonly #waits = new Map<string, Wait>();

  constructor(world: World, book: LogBook, fail: Fail) {
    this.#world = world;
    this.#fail = fail;
    book.listen((noted) => this.#note(noted));
  }

  #note({ event, stream, before }: BookEvent): void {
    const { nowMs, processes } = this.#world;
    if (event.type === 'TaskRestarting') {
      const { delayMs } = event.data;
      this.#waits.set(stream, { sinceMs: nowMs, delayMs, bootId: processes.bootId });
      if (event.data.isCounted) this.#checkCount(stream, event.data, before.context);
    } else if (event.type === 'RestartDelayElapsed') {
      const wait = this.#waits.get(stream);
      if (wait === undefined || wait.bootId !== processes.bootId) return;
      if (this.#world.agentsStandStill) return;
      const waitedMs = nowMs - wait.sinceMs;
      if (waitedMs + ROUNDING_MS >= wait.delayMs) return;
      this.#fail(`P12: ${stream} waited ${waitedMs} ms instead of ${wait.delayMs}`);
    }
  }

  #checkCount(
    stream: string,
    { attempt, intervalStart }: { attempt: number; intervalStart: number },
    { plan, restarts }: BookEvent['before']['context'],
  ): void {
    if (plan === undefined) return this.#fail(`I15: ${stream} restarts without a plan`);
    const { attempts, intervalMs, mode } = plan.restart;
    if (mode !== 'delay' && attempt > attempts) {
      this.#fail(`I15: ${stream} restarts for the ${attempt}th time of ${attempts}`);
    }
    const isNew = restarts.count === 0 || intervalStart > restarts.intervalStart + intervalMs;
    const expected = isNew ? 1 : restarts.count + 1;
    if (attempt === expected) return;
    this.#fail(`I15: ${stream} counts restart ${attempt} after ${restarts.count} in its interval`);
  }
}
