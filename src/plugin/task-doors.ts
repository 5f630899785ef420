/** The doors of tasks that a driver in its own process is at work at. */
import type { DriverDoors } from '../drivers/driver.ts';
import { HoldfastError } from '../errors.ts';
import type { TaskName } from './words.ts';

interface Opened {
  /** The newest that were given: those of an earlier agent's runner of the task lead nowhere. */
  doors: DriverDoors;
  /** Launch keys, or what else somebody has to do with the task for. */
  readonly uses: Set<string>;
}

export class TaskDoors {
  readonly #opened = new Map<string, Opened>();

  open(of: TaskName, use: string, doors: DriverDoors): void {
    const key = keyOf(of);
    const opened = this.#opened.get(key) ?? { doors, uses: new Set() };
    opened.doors = doors;
    opened.uses.add(use);
    this.#opened.set(key, opened);
  }

  /** Another run of the task may have begun meanwhile: they stay open for that. */
  close(of: TaskName, use: string): void {
    const opened = this.#opened.get(keyOf(of));
    opened?.uses.delete(use);
    if (opened?.uses.size === 0) this.#opened.delete(keyOf(of));
  }

  of(name: TaskName): DriverDoors | undefined {
    return this.#opened.get(keyOf(name))?.doors;
  }

  /** Throws CLOSED. */
  needed(name: TaskName): DriverDoors {
    const doors = this.of(name);
    if (doors !== undefined) return doors;
    throw new HoldfastError('CLOSED', 'nobody is at work at the task');
  }
}

function keyOf({ allocId, task }: TaskName): string {
  return JSON.stringify([allocId, task]);
}
