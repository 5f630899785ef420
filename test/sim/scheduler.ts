/**
 * The only thing that lets anything happen. Whatever waits for time, for a message or for its turn is an entry that
 * belongs to a life (a process, or nature). One entry is taken at a time, by chance among those that are due; then
 * everything that follows from it runs out before the next is taken, so that one seed is one history.
 */
import type { Chance } from './chance.ts';

/** Whose entries they are: the dead lose theirs, the stopped have theirs kept until they go on. */
export class Life {
  readonly name: string;
  isDead = false;
  isStopped = false;
  readonly held: Entry[] = [];
  /** What `setImmediate` was asked for: first come, first served, one each turn. */
  readonly turns: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

export interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly owner: Life;
  readonly label: string;
  readonly run: () => void;
  isCancelled: boolean;
}

export class Scheduler {
  /** Milliseconds since the world began: what no clock of the world can jump over. */
  nowMs = 0;
  steps = 0;
  readonly #heap: Entry[] = [];
  readonly #ready: Entry[] = [];
  readonly #chance: Chance;
  #order = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  at(atMs: number, owner: Life, label: string, run: () => void): Entry {
    this.#order += 1;
    const due = Math.max(atMs, this.nowMs);
    const entry = { atMs: due, order: this.#order, owner, label, run, isCancelled: false };
    this.#push(entry);
    return entry;
  }

  after(delayMs: number, owner: Life, label: string, run: () => void): Entry {
    return this.at(this.nowMs + delayMs, owner, label, run);
  }

  /** One turn of the owner's event loop. */
  turn(owner: Life, run: () => void): void {
    owner.turns.push(run);
    if (owner.turns.length === 1) this.#oweTurn(owner);
  }

  #oweTurn(owner: Life): void {
    this.at(this.nowMs, owner, 'turn', () => {
      const next = owner.turns.shift();
      if (owner.turns.length > 0) this.#oweTurn(owner);
      next?.();
    });
  }

  /** A stopped life goes on: what came due meanwhile is due now. */
  resume(owner: Life): void {
    owner.isStopped = false;
    for (const entry of owner.held.splice(0)) this.#push(entry);
  }

  /** The next entry by chance among those due, or undefined when nothing will ever happen any more. */
  next(): Entry | undefined {
    for (;;) {
      this.#gather();
      if (this.#ready.length === 0) {
        const first = this.#heap[0];
        if (first === undefined) return undefined;
        this.nowMs = Math.max(this.nowMs, first.atMs);
        continue;
      }
      const index = this.#chance.below(this.#ready.length);
      const entry = this.#ready[index] as Entry;
      const last = this.#ready.pop() as Entry;
      if (last !== entry) this.#ready[index] = last;
      if (entry.isCancelled || entry.owner.isDead) continue;
      if (entry.owner.isStopped) {
        entry.owner.held.push(entry);
        continue;
      }
      this.steps += 1;
      return entry;
    }
  }

  #gather(): void {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      const isGone = first.isCancelled || first.owner.isDead;
      if (!isGone && first.atMs > this.nowMs) return;
      this.#shift();
      if (!isGone) this.#ready.push(first);
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(entry, heap[above] as Entry)) break;
      heap[at] = heap[above] as Entry;
      at = above;
    }
    heap[at] = entry;
  }

  #shift(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = at * 2 + 1;
      if (below >= heap.length) break;
      const right = below + 1;
      if (right < heap.length && isBefore(heap[right] as Entry, heap[below] as Entry))
        below = right;
      if (!isBefore(heap[below] as Entry, last)) break;
      heap[at] = heap[below] as Entry;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
