/** All sinks of an agent. Loaded when it has any. */
import { HoldfastError, messageOf } from '../errors.ts';
import { readSinks } from '../spec/read-sinks.ts';
import type { SinkView } from '../api.ts';
import type { SinkConfig } from '../spec/sink-schema.ts';
import { Pump, type PumpDoors } from './pump.ts';
import type { Origin, Sink } from './sink.ts';

export class EventSinks {
  readonly #pumps: readonly Pump[];
  readonly #ends = new AbortController();
  readonly #ended: Promise<unknown>;

  /** Begins with all of them. Errors: USAGE for what is no list of sinks, and those of the log. */
  constructor(doors: PumpDoors, written: unknown) {
    const origin = { storeId: doors.log.storeId, instanceId: doors.instanceId };
    const make = (config: SinkConfig): Promise<Sink> => makeSink(config, origin);
    this.#pumps = readSinks(written).map((config) => new Pump(doors, config, make));
    const run = (pump: Pump): Promise<void> => pump.run(this.#ends.signal);
    this.#ended = Promise.all(this.#pumps.map(run)).catch((error: unknown) => {
      // A log that failed has stopped the whole agent.
      if (!HoldfastError.is(error))
        doors.logger.error({ error: messageOf(error) }, 'sinks stopped');
    });
  }

  get views(): readonly SinkView[] {
    return this.#pumps.map((pump) => pump.view);
  }

  /** Before the log is closed: what is under way is given up, what was acknowledged is known to the next agent. */
  async close(): Promise<void> {
    this.#ends.abort();
    await this.#ended;
  }
}

async function makeSink(config: SinkConfig, origin: Origin): Promise<Sink> {
  switch (config.type) {
    case 'webhook':
      return new (await import('./webhook-sink.ts')).WebhookSink(config, origin);
    case 'file':
      return new (await import('./file-sink.ts')).FileSink(config, origin);
    case 'nats':
      return new (await import('./nats-sink.ts')).NatsSink(config, origin);
  }
}
