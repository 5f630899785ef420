/**
 * Numbers of users for tasks that ask for one of their own. Who has which is what the live tasks have recorded, and
 * what was given by this agent and may not be recorded yet. Nothing else is kept, so nothing can be forgotten.
 */
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { HoldfastError } from '../errors.ts';
import { dynamicUsers } from '../hooks/dynamic-users.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { textOf } from '../os/quiet-reads.ts';
import type { Folded } from './event-sourced.ts';

/** Both are in it. */
export interface UserRange {
  readonly from: number;
  readonly to: number;
}

/** Nomad's. */
export const USER_RANGE: UserRange = { from: 80_000, to: 89_999 };

/** What else on the machine uses numbers. */
export interface UsersInUse {
  /** Text of passwd(5). */
  readonly passwd: () => string;
  /** Whom the processes of the machine belong to. */
  readonly ofProcesses: () => ReadonlySet<number>;
}

export class UserPool {
  readonly #range: UserRange;
  readonly #tasks: ReadonlyMap<string, Folded<TaskContext>>;
  readonly #inUse: UsersInUse;
  readonly #given = new Map<string, number>();

  /** `tasks` are all that the log knows, by stream, as they stand now and later. */
  constructor(
    tasks: ReadonlyMap<string, Folded<TaskContext>>,
    range: UserRange = USER_RANGE,
    inUse: UsersInUse = machineUsers,
  ) {
    this.#tasks = tasks;
    this.#range = range;
    this.#inUse = inUse;
  }

  /**
   * For the task of this stream, the same number each time until it is released; `before` is the one that it had, and
   * gets again where nobody else has it. Errors: RESOURCES_EXHAUSTED.
   */
  take(stream: string, before?: number): number {
    const own = this.#given.get(stream);
    if (own !== undefined) return own;
    const taken = this.#takenByOthers(stream);
    const found = before !== undefined && !taken.has(before) ? before : this.#free(stream, taken);
    this.#given.set(stream, found);
    return found;
  }

  release(stream: string): void {
    this.#given.delete(stream);
  }

  #takenByOthers(stream: string): ReadonlySet<number> {
    const taken = new Set<number>();
    for (const [other, uid] of this.#given) if (other !== stream) taken.add(uid);
    for (const [other, { state }] of this.#tasks) {
      const uid = state.context.hooks[dynamicUsers.name]?.state['uid'];
      if (other !== stream && uid !== undefined && state.value !== 'dead') taken.add(Number(uid));
    }
    return taken;
  }

  /** From a place on that the stream tells: a number that has just become free is not the next one to be given. */
  #free(stream: string, taken: ReadonlySet<number>): number {
    const { from, to } = this.#range;
    const size = to - from + 1;
    const start = createHash('sha256').update(stream).digest().readUInt32BE(0) % size;
    const accounts = accountNumbers(this.#inUse.passwd());
    // Of a task that the log has lost, or of somebody who was given the number by others.
    const running = this.#inUse.ofProcesses();
    for (let step = 0; step < size; step += 1) {
      const uid = from + ((start + step) % size);
      if (!taken.has(uid) && !accounts.has(uid) && !running.has(uid)) return uid;
    }
    const text = `all users from ${from} to ${to} are taken: wait for a task to end, or have the operator widen dynamicUsers`;
    throw new HoldfastError('RESOURCES_EXHAUSTED', text);
  }
}

function accountNumbers(passwd: string): ReadonlySet<number> {
  return new Set(passwd.split('\n').map((line) => Number(line.split(':')[2] ?? NaN)));
}

const machineUsers: UsersInUse = {
  passwd: () => textOf('/etc/passwd'),
  ofProcesses() {
    const found = new Set<number>();
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const process = statSync(`/proc/${name}`, { throwIfNoEntry: false });
      if (process !== undefined) found.add(process.uid);
    }
    return found;
  },
};
