/** A log in memory, a clock that stands still and a receiver that does as it is told. */
import { onTestFinished } from 'vitest';
import type { PublicEvent } from '../../src/api.ts';
import { openMemoryEventLog } from '../../src/log/memory-event-log.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { silentLogger } from '../../src/ports.ts';
import { Pump, type PumpDoors } from '../../src/sinks/pump.ts';
import type { Sink, WrittenEvent } from '../../src/sinks/sink.ts';
import { readSinks } from '../../src/spec/read-sinks.ts';
import type { SinkConfig, SinkInput } from '../../src/spec/sink-schema.ts';
import { FakeClock } from '../../src/testing/index.ts';

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export class Receiver implements Sink {
  /** In the order in which they came. */
  readonly got: number[] = [];
  readonly batches: number[][] = [];
  readonly events: PublicEvent[] = [];
  /** Of each opening. */
  readonly opened: number[] = [];
  closed = 0;
  /** Called before a batch is taken: it is refused with what this throws. */
  before: (events: readonly WrittenEvent[]) => void | Promise<void> = () => undefined;
  knows = 0;

  async open(after: number): Promise<number> {
    this.opened.push(after);
    return Math.max(after, this.knows);
  }
  async send(events: readonly WrittenEvent[]): Promise<void> {
    await this.before(events);
    this.batches.push(events.map(({ position }) => position));
    this.got.push(...events.map(({ position }) => position));
    this.events.push(...events.map(({ event }) => event));
  }
  async close(): Promise<void> {
    this.closed += 1;
  }
}

export const FILE: SinkInput = { type: 'file', name: 'one', path: '/nowhere', start: 'oldest' };

export class SinkWorld {
  readonly clock = new FakeClock();
  readonly receiver = new Receiver();
  readonly log: EventLog = openMemoryEventLog();
  readonly skipped: unknown[] = [];
  readonly #ends = new AbortController();
  pump: Pump | undefined;

  constructor() {
    onTestFinished(() => this.#ends.abort());
  }

  get doors(): PumpDoors {
    return {
      log: this.log,
      clock: this.clock,
      random: { fraction: () => 1 },
      logger: silentLogger,
      instanceId: 'me',
      nameOf: (allocId) => allocId.replace(/-\d+$/, ''),
      onSkipped: (...facts) => this.skipped.push(facts),
    };
  }

  start(input: SinkInput = FILE, receiver: Sink = this.receiver): { end(): Promise<void> } {
    const [config] = readSinks([input]) as [SinkConfig];
    const ends = new AbortController();
    const pump = new Pump(this.doors, config, () => Promise.resolve(receiver));
    this.pump = pump;
    const ran = pump.run(AbortSignal.any([ends.signal, this.#ends.signal]));
    return {
      async end() {
        ends.abort();
        await ran;
      },
    };
  }

  async append(count: number, stream = 'node'): Promise<void> {
    const types = { type: 'SafeModeLeft', data: {} };
    const facts = stream === 'node' ? types : { type: 'AllocRemovalFailed', data: { reason: 'x' } };
    const event = { run: 0, at: 1, ...facts };
    const all = Array.from({ length: count }, () => event);
    await this.log.append(stream, this.log.versionOf(stream), all);
    await settle();
  }
}

export const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);
