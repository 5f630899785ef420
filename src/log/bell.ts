/** Who is told of a commit. A bell, not a bus: listeners get a position and read the events from the log. */
import type { Logger } from '../ports.ts';

export class Bell {
  readonly #logger: Logger;
  readonly #listeners = new Set<(head: number) => void>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Returns the way to cancel. The same function given twice is called twice. */
  add(listener: (head: number) => void): () => void {
    const own = (head: number) => listener(head);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  /** Calls everybody; one who throws is logged and keeps nobody else from being called. */
  ring(head: number): void {
    for (const listener of this.#listeners) {
      try {
        listener(head);
      } catch (error) {
        this.#logger.error({ error }, 'a listener of the log failed');
      }
    }
  }
}
