/**
 * How the tasks of an alloc follow each other, from the log alone.
 *   I27  a task begins only behind a gate that its alloc has opened in this life, and the gates open in their order
 *   I28  a task is ended by its alloc only when those that end before it are over
 *   I29  an alloc is begun anew, and has ended, only when its tasks stand still
 *   I30  tasks behind poststop are not forgotten
 */
import type { AllocEvent } from '../../../src/events/alloc-event.ts';
import type { AllocContext } from '../../../src/machines/alloc-machine.ts';
import type { ChartState } from '../../../src/machines/chart-table.ts';
import { killOrder } from '../../../src/machines/kill-order.ts';
import type { TaskSpec } from '../../../src/spec/task-spec.ts';
import type { Fail } from './invariants.ts';
import type { BookEvent, LogBook } from './log-book.ts';

export class GroupInvariants {
  readonly #book: LogBook;
  readonly #fail: Fail;
  readonly #isStopAsked: (ref: string) => boolean;
  /** Gates that are open, by alloc. */
  readonly #open = new Map<string, Set<string>>();

  /** `isStopAsked` tells of a task whether somebody wanted the end of this very task. */
  constructor(book: LogBook, isStopAsked: (ref: string) => boolean, fail: Fail) {
    this.#book = book;
    this.#fail = fail;
    this.#isStopAsked = isStopAsked;
    book.listen((noted) => this.#noteTask(noted));
    book.listenAlloc((allocId, event, after) => this.#noteAlloc(allocId, event, after));
  }

  #noteAlloc(allocId: string, event: AllocEvent, { context }: ChartState<AllocContext>): void {
    const tasks = context.spec?.tasks ?? [];
    const open = this.#open.get(allocId) ?? new Set(['prestart']);
    this.#open.set(allocId, open);
    if (event.type === 'AllocGateOpened') {
      open.add('main');
      const first = tasks.filter(({ gate, isSidecar }) => gate === 'prestart' && !isSidecar);
      const early = first.find(({ name }) => this.#outcomeOf(allocId, name) !== 'complete');
      if (early !== undefined)
        this.#fail(`I27: ${allocId} opens main before ${early.name} is over`);
    } else if (event.type === 'AllocPoststartOpened') {
      open.add('poststart');
    } else if (event.type === 'AllocPoststopOpened') {
      this.#open.set(allocId, new Set(['poststop']));
      this.#mustStandStill(allocId, 'opens poststop', tasks.filter(isBefore), ['dead']);
    } else if (event.type === 'AllocRestarted') {
      this.#open.set(allocId, new Set(['prestart']));
      this.#mustStandStill(allocId, 'is begun anew', tasks.filter(isBefore), ['dead']);
    } else if (event.type === 'AllocStopped') {
      this.#mustStandStill(allocId, 'has ended', tasks, ['dead']);
      const last = tasks.filter((task) => !isBefore(task));
      const isLeftOut = last.some(({ name }) => this.#isStopAsked(`${allocId}/${name}`));
      if (last.length === 0 || open.has('poststop') || isLeftOut) return;
      if (context.cause !== 'duration') this.#fail(`I30: ${allocId} ended without its last tasks`);
    }
  }

  #mustStandStill(
    allocId: string,
    what: string,
    tasks: readonly TaskSpec[],
    values: readonly string[],
  ): void {
    for (const { name } of tasks) {
      const { value = 'pending' } = this.#book.tasks.get(`task/${allocId}/${name}`) ?? {};
      if (!values.includes(value)) this.#fail(`I29: ${allocId} ${what}, and ${name} is ${value}`);
    }
  }

  #outcomeOf(allocId: string, name: string): string | undefined {
    return this.#book.tasks.get(`task/${allocId}/${name}`)?.context.outcome;
  }

  #noteTask({ event, stream, before }: BookEvent): void {
    const [, allocId = '', name = ''] = stream.split('/');
    if (event.type === 'GateOpened') {
      const { gate } = event.data;
      if (this.#open.get(allocId)?.has(gate) === true) return;
      return this.#fail(`I27: ${stream} begins, and ${gate} is not open`);
    }
    if (event.type !== 'TaskKilling' || event.data.then !== 'stop') return;
    const alloc = this.#book.allocs.get(allocId);
    const isEnding = alloc?.value === 'stopping' || alloc?.value === 'restarting';
    // What never began is ended at once, and what somebody wanted to end is nobody's order.
    if (!isEnding || before.value === 'pending' || this.#isStopAsked(`${allocId}/${name}`)) return;
    const waves = killOrder(alloc.context.spec?.tasks ?? [], { withPoststop: true });
    const own = waves.findIndex((wave) => wave.includes(name));
    for (const other of waves.slice(0, Math.max(0, own)).flat()) {
      const found = this.#book.tasks.get(`task/${allocId}/${other}`);
      const isOver = found === undefined || found.value === 'dead' || found.value === 'pending';
      const isLeft = this.#book.leftAlone.has(`task/${allocId}/${other}`);
      if (isOver || isLeft || found.context.stuck !== undefined) continue;
      this.#fail(
        `I28: ${stream} is ended while ${other}, which comes before it, is ${found.value}`,
      );
    }
  }
}

function isBefore({ gate }: TaskSpec): boolean {
  return gate !== 'poststop';
}
