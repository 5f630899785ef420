/**
 * What becomes of an alloc that is updated, from the log and from what really ran.
 *   I31  a task hears of each version of its alloc once, of none that the alloc does not have, and is started anew by it
 *        only where the update asks for that
 *   I32  in the end what runs was started after the newest update that asks for another start
 *   I33  in the end nothing runs of a task that an update took away, and no alloc ends or begins anew before such a task
 */
import type { AllocEvent } from '../../../src/events/alloc-event.ts';
import type { AllocContext } from '../../../src/machines/alloc-machine.ts';
import type { ChartState } from '../../../src/machines/chart-table.ts';
import type { World } from '../world/world.ts';
import type { Fail } from './invariants.ts';
import type { BookEvent, LogBook } from './log-book.ts';

/** The newest update that asks for another start of a task, and the newest that it heard of. */
interface Heard {
  readonly version: number;
  readonly restartedAtPosition: number;
}

export class UpdateInvariants {
  readonly #world: World;
  readonly #book: LogBook;
  readonly #fail: Fail;
  readonly #heard = new Map<string, Heard>();
  /** Where the newest run of a task was asked for. */
  readonly #runBegan = new Map<string, number>();
  readonly #versions = new Map<string, number>();

  constructor(world: World, book: LogBook, fail: Fail) {
    this.#world = world;
    this.#book = book;
    this.#fail = fail;
    book.listen((noted) => this.#noteTask(noted));
    book.listenAlloc((allocId, event, after) => this.#noteAlloc(allocId, event, after));
  }

  #noteAlloc(allocId: string, event: AllocEvent, { context }: ChartState<AllocContext>): void {
    if (event.type === 'AllocUpdated') {
      const before = this.#versions.get(allocId) ?? 1;
      const { version } = event.data;
      if (version !== before + 1) this.#fail(`I31: ${allocId} is ${version} after ${before}`);
      this.#versions.set(allocId, version);
    } else if (event.type === 'AllocStopped' || event.type === 'AllocRestarted') {
      for (const { name } of context.removedTasks ?? []) {
        const value = this.#book.tasks.get(`task/${allocId}/${name}`)?.value ?? 'dead';
        if (value === 'dead' || value === 'pending') continue;
        this.#fail(`I33: ${event.type} of ${allocId}, and ${name}, which was removed, is ${value}`);
      }
    }
  }

  #noteTask({ event, stream, position }: BookEvent): void {
    const [, allocId = '', name = ''] = stream.split('/');
    if (event.type === 'RunStarting') this.#runBegan.set(stream, position);
    if (event.type !== 'TaskUpdated') return;
    const { specVersion, isRestarted } = event.data;
    const before = this.#heard.get(stream) ?? { version: 1, restartedAtPosition: 0 };
    const context = this.#book.allocs.get(allocId)?.context;
    const touch = context?.touched?.[name];
    const newest = this.#versions.get(allocId) ?? 1;
    if (specVersion <= before.version || specVersion > newest) {
      this.#fail(`I31: ${stream} hears of ${specVersion} after ${before.version} of ${newest}`);
    }
    const isAsked = (touch?.restartVersion ?? 0) > before.version;
    if (isRestarted && !isAsked) this.#fail(`I31: ${stream} begins anew by ${specVersion}`);
    const restartedAtPosition = isRestarted ? position : before.restartedAtPosition;
    this.#heard.set(stream, { version: specVersion, restartedAtPosition });
  }

  /** What an update asks for and is not so yet; empty at rest. */
  get open(): readonly string[] {
    return [...this.#book.allocs].flatMap(([allocId, { value, context }]) => {
      if (value === 'stopped' || this.#versions.get(allocId) === undefined) return [];
      const tasks = (context.spec?.tasks ?? []).map(({ name }) => name);
      const late = tasks.filter((name) => this.#isLate(`task/${allocId}/${name}`));
      const removed = (context.removedTasks ?? []).map(({ name }) => name);
      const living = removed.filter((name) => this.#lives(allocId, name));
      return [...late, ...living].map((name) => `${allocId}/${name}`);
    });
  }

  /** It runs what it was before. */
  #isLate(stream: string): boolean {
    const { restartedAtPosition = 0 } = this.#heard.get(stream) ?? {};
    const isRunning = this.#book.tasks.get(stream)?.value === 'running';
    return isRunning && (this.#runBegan.get(stream) ?? Infinity) < restartedAtPosition;
  }

  #lives(allocId: string, name: string): boolean {
    const { ledger } = this.#world;
    return ledger.launches.some((launch) => {
      const isIts = launch.allocId === allocId && launch.task === name;
      return isIts && ledger.livingOf(launch.launchKey).length > 0;
    });
  }
}
