/** Output that its hosts cannot write: each stretch is told once when it is heard of, and once when it is over. */
import type { WaitingLog } from '../api.ts';
import type { Logger } from '../ports.ts';
import type { Greeting } from '../rpc/hello.ts';
import type { HostPoolDoors } from './host-doors.ts';

type Waiting = NonNullable<Greeting['waiting']>[number];

interface Stretch extends Waiting {
  hostId: string;
  /** `<alloc id>/<task>`. */
  readonly task: string;
}

export class WaitingOutput {
  readonly #record: HostPoolDoors['record'];
  readonly #logger: Logger;
  readonly #stretches = new Map<string, Stretch>();

  constructor({ record, logger }: Pick<HostPoolDoors, 'record' | 'logger'>) {
    this.#record = record;
    this.#logger = logger;
  }

  /** What waits now. */
  get current(): readonly WaitingLog[] {
    return [...this.#stretches.values()].map((stretch) => {
      const { task, reason } = stretch;
      return { task, since: timeOf(stretch), reason };
    });
  }

  /** What a host said of those whose output it collects. */
  heard(hostId: string, waiting: readonly Waiting[], nameOf: (taskKey: string) => string): void {
    const now = new Set(waiting.map(({ taskKey }) => taskKey));
    for (const [taskKey, stretch] of this.#stretches) {
      if (stretch.hostId === hostId && !now.has(taskKey)) this.#end(stretch);
    }
    for (const one of waiting) {
      const known = this.#stretches.get(one.taskKey);
      if (known !== undefined) known.hostId = hostId;
      else this.#begin({ ...one, hostId, task: nameOf(one.taskKey) });
    }
  }

  /** Another host collects for these from now on. */
  moved(taskKeys: readonly string[], hostId: string): void {
    for (const taskKey of taskKeys) {
      const stretch = this.#stretches.get(taskKey);
      if (stretch !== undefined) stretch.hostId = hostId;
    }
  }

  #begin(stretch: Stretch): void {
    const { task, taskKey, reason } = stretch;
    const child = `output of ${task}`;
    this.#stretches.set(taskKey, stretch);
    const what = `it waits since ${timeOf(stretch)} because it cannot be written (${reason})`;
    const message = `${what}; its program stands still as soon as a pipe is full`;
    this.#logger.error({ child, reason }, 'output cannot be written, and waits');
    this.#record('ChildEscalated', { child, message });
  }

  #end(stretch: Stretch): void {
    const { task, taskKey } = stretch;
    const child = `output of ${task}`;
    this.#stretches.delete(taskKey);
    this.#logger.warn({ child }, 'output is written again');
    const message = `it is written again: it waited since ${timeOf(stretch)}`;
    this.#record('ChildEscalated', { child, message });
  }
}

function timeOf({ sinceMs }: Stretch): string {
  return new Date(sinceMs).toISOString();
}
