/** Appends facts of the machine and of the agent to the node's stream, one after the other. */
import { messageOf } from '../errors.ts';
import { NODE_STREAM, type Recorded } from '../events/envelope.ts';
import type { NodeEvent } from '../events/node-event.ts';
import type { EventLog } from '../log/event-log.ts';
import type { RecordNode } from './agent-doors.ts';
import type { Clock, Logger } from '../ports.ts';

export class NodeJournal {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #last: Promise<unknown> = Promise.resolve();

  constructor(log: EventLog, clock: Clock, logger: Logger) {
    this.#log = log;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Resolves when the fact is durable; rejects with what `append` rejects with. */
  append(type: NodeEvent['type'], data: NodeEvent['data']): Promise<unknown> {
    const event = { type, run: 0, at: this.#clock.now(), data };
    const appended = this.#log.append(NODE_STREAM, this.#log.versionOf(NODE_STREAM), [event]);
    this.#last = appended.catch(() => undefined);
    return appended;
  }

  /** The same without being waited for: a fact that cannot be recorded is at least logged. */
  readonly record: RecordNode = (type, data) => {
    this.append(type, data).catch((error: unknown) =>
      this.#logger.error({ type, error: messageOf(error) }, 'a fact of the node was not recorded'),
    );
  };

  /** Resolves when everything recorded so far is durable or has failed. */
  async settled(): Promise<void> {
    await this.#last;
  }
}

/** An agent that dies at once leaves some ten. */
const LOOK_BACK_EVENTS = 512;

/** The newest facts of the node, oldest first: enough to know what the last agents said of themselves. */
export function recentNodeEvents(
  log: EventLog,
  most: number = LOOK_BACK_EVENTS,
): readonly Recorded<NodeEvent>[] {
  const after = Math.max(0, log.versionOf(NODE_STREAM) - most);
  return log.readStream(NODE_STREAM, after) as Recorded<NodeEvent>[];
}
