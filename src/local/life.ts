/** From the opening of an orchestrator to its end: one for all who act through it. */
import type { AgentDoors } from '../actors/agent-doors.ts';
import { HoldfastError } from '../errors.ts';

export interface LifeDoors {
  readonly agent: Pick<AgentDoors, 'log' | 'logger'>;
  /** Ends the actors, lets go of the hosts, closes the log and frees the lock. */
  readonly shutDown: () => Promise<void>;
}

export class Life {
  /** As `Orchestrator.ended`. */
  readonly ended: Promise<HoldfastError | undefined>;
  readonly #doors: LifeDoors;
  readonly #ended = Promise.withResolvers<HoldfastError | undefined>();
  #closed: Promise<void> | undefined;
  #failure: HoldfastError | undefined;

  constructor(doors: LifeDoors) {
    this.#doors = doors;
    this.ended = this.#ended.promise;
    void doors.agent.log.failed.then((error) => this.#failStop(error));
  }

  /** Throws CLOSED once it is closing, and what it failed of. */
  assertOpen(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed !== undefined) throw new HoldfastError('CLOSED', 'the orchestrator is closed');
  }

  /** What the first caller wants done is done, for all of them. */
  close(first: () => Promise<void>): Promise<void> {
    this.#closed ??= this.#close(first);
    return this.#closed;
  }

  get isClosing(): boolean {
    return this.#closed !== undefined;
  }

  async #close(first: () => Promise<void>): Promise<void> {
    await first();
    await this.#doors.shutDown();
    this.#ended.resolve(this.#failure);
  }

  /** What is on the disk is unknown from here on: nothing may be done because of it until the log is opened anew. */
  #failStop(error: HoldfastError): void {
    this.#failure = error;
    this.#doors.agent.logger.error(
      { code: error.code, error: error.message },
      'stopped: tasks go on',
    );
    this.#closed ??= this.#doors.shutDown();
    void this.#closed.finally(() => this.#ended.resolve(error)).catch(() => undefined);
  }
}
