/** Has the output of containers moved into the files of their tasks. */
import type { ContainerFacts } from '../../engine/engine.ts';
import { messageOf } from '../../errors.ts';
import type { DriverDoors, RunRequest } from '../driver.ts';
import type { DockerOptions } from './options.ts';

/** An end is told before all output is there when the engine does not give it for so long, or no host comes up. */
const PATIENCE_MS = 30_000;

type Options = Pick<DockerOptions, 'endpoint' | 'tls' | 'isLogCollectionOff'>;

export class ContainerOutput {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Begins, or goes on; nothing waits for it. The engine keeps what is written meanwhile. */
  follow(run: RunRequest, { id, isTty }: ContainerFacts, { output, task }: DriverDoors): void {
    const { endpoint, tls, isLogCollectionOff } = this.#options;
    if (isLogCollectionOff || run.task.logs.disabled === true) return;
    const log = { endpoint, tls, containerId: id, isTty };
    // Ended by its release.
    const never = new AbortController().signal;
    output.follow(run, log, never).catch((error: unknown) => {
      task.emit('output', `its output is not collected: ${messageOf(error)}`);
    });
  }

  /** Of a container that has ended: resolves when all that it wrote is on its way, or patience is at its end. */
  async rest(run: RunRequest, facts: ContainerFacts, doors: DriverDoors): Promise<void> {
    this.follow(run, facts, doors);
    if (await doors.output.settled(run, PATIENCE_MS)) return;
    doors.task.emit('output', 'what it wrote last has not been collected so far');
  }

  /** Before the container is removed. */
  async release(run: RunRequest, { output }: DriverDoors): Promise<void> {
    await output.settled(run, PATIENCE_MS);
    await output.release(run);
  }
}
