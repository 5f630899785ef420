/**
 * Brings events from the log to one sink, for as long as the agent lives. The log is the buffer: a sink that is slow or
 * gone is behind in it, and costs a page in memory. Its place moves only when the receiver has said that it has them.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { HoldfastError } from '../errors.ts';
import { pause, type Clock, type Logger, type Random } from '../ports.ts';
import type { SinkView } from '../api.ts';
import type { EventLog } from '../log/event-log.ts';
import type { SinkConfig } from '../spec/sink-schema.ts';
import { Batches, type Batch } from './batches.ts';
import { pauseMs } from './patience.ts';
import { SinkPlace } from './place.ts';
import type { Sink } from './sink.ts';

export interface PumpDoors {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly random: Pick<Random, 'fraction'>;
  readonly logger: Logger;
  readonly instanceId: string;
  readonly nameOf: (allocId: string) => string | null;
  /** Events were removed before this sink had them. */
  readonly onSkipped: (sink: string, after: number, oldest: number) => void;
}

export class Pump {
  readonly #doors: PumpDoors;
  readonly #config: SinkConfig;
  readonly #make: (config: SinkConfig) => Promise<Sink>;
  readonly #batches: Batches;
  readonly #place: SinkPlace;
  /** Sent together at most: less after a receiver has said that it was too much. */
  #most: number;
  #failures = 0;
  #failed = 0;
  #sent = 0;
  #isGone = false;
  #lastError:
    | { readonly cause: unknown; readonly message: string; readonly at: number }
    | undefined;

  /** Errors: those of the log. */
  constructor(doors: PumpDoors, config: SinkConfig, make: (config: SinkConfig) => Promise<Sink>) {
    this.#doors = doors;
    this.#config = config;
    this.#make = make;
    this.#batches = new Batches(doors, config);
    this.#place = new SinkPlace(doors.log, doors.clock, config.name, config.start);
    this.#most = config.batchEvents;
  }

  get view(): SinkView {
    const { log } = this.#doors;
    const { name, type } = this.#config;
    const { position } = this.#place;
    return {
      name,
      type,
      to: targetOf(this.#config),
      state: this.#isGone ? 'stopped' : this.#failures > 0 ? 'failing' : 'delivering',
      position,
      lag: Math.max(0, log.head - position),
      sent: this.#sent,
      failures: this.#failed,
      lastError: this.#lastError?.message ?? null,
      lastErrorAt: this.#lastError ? new Date(this.#lastError.at).toISOString() : null,
    };
  }

  /** Resolves when `signal` has aborted or the log can be read no more. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#isGone && this.#isLogSound()) {
      await this.#connection(signal).catch((error: unknown) => this.#failedWith(error, signal));
      if (this.#failures > 0) await this.#wait(signal);
    }
    // The log has failed, or its place is written by now.
    if (this.#isLogSound()) this.#place.write();
  }

  async #connection(signal: AbortSignal): Promise<void> {
    const sink = await this.#make(this.#config);
    try {
      const reached = await sink.open(this.#place.position, signal);
      const known = Math.min(reached, this.#doors.log.head);
      if (known > this.#place.position) this.#place.advance(known);
      while (!signal.aborted && this.#isLogSound()) await this.#step(sink, signal);
    } finally {
      await sink.close();
    }
  }

  async #step(sink: Sink, signal: AbortSignal): Promise<void> {
    const batch = this.#next();
    if (batch.events.length > 0) {
      await sink.send(batch.events, signal);
      this.#sent += batch.events.length;
      this.#healed();
    }
    if (batch.through > this.#place.position) this.#place.advance(batch.through);
    if (this.#place.position < this.#doors.log.head) await nextTurn();
    else await this.#news(signal);
  }

  /** What was removed meanwhile cannot be sent any more: that is told, and the sink goes on behind it. */
  #next(): Batch {
    const after = this.#place.position;
    try {
      return this.#batches.after(after, this.#most);
    } catch (error) {
      if (!HoldfastError.is(error, 'POSITION_COMPACTED')) throw error;
      const { oldest } = this.#doors.log;
      const { name } = this.#config;
      this.#doors.logger.warn(
        { sink: name, after, oldest },
        'a sink missed events: too far behind',
      );
      this.#doors.onSkipped(name, after, oldest);
      return { events: [], through: oldest - 1 };
    }
  }

  #healed(): void {
    if (this.#failures > 0) {
      this.#doors.logger.info({ sink: this.#config.name }, 'a sink takes events again');
    }
    this.#failures = 0;
    this.#most = Math.min(this.#config.batchEvents, this.#most * 2);
  }

  #failedWith(error: unknown, signal: AbortSignal): void {
    if (signal.aborted || !this.#isLogSound()) return;
    const { code, message, details } = HoldfastError.from(error);
    const { clock, logger } = this.#doors;
    const { name } = this.#config;
    this.#failures += 1;
    this.#failed += 1;
    this.#lastError = { cause: error, message, at: clock.now() };
    this.#isGone = details['isGone'] === true;
    if (details['isTooLarge'] === true) this.#most = Math.max(1, Math.floor(this.#most / 2));
    const { lag } = this.view;
    // Each try would fill the agent's log: the first, and then ever more rarely.
    const isTold = this.#isGone || Number.isInteger(Math.log2(this.#failures));
    if (isTold) logger.warn({ sink: name, code, failures: this.#failures, lag }, message);
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#doors;
    const ms = pauseMs(this.#failures, random.fraction(), this.#lastError?.cause);
    await pause(clock, clock.steady() + ms, signal).catch(() => undefined);
  }
  #isLogSound(): boolean {
    const { log } = this.#doors;
    return !log.isClosed && log.failure === undefined;
  }

  /** The next append, the end of the log or of the agent, whichever comes first. */
  #news(signal: AbortSignal): Promise<void> {
    const { log } = this.#doors;
    return new Promise((resolve) => {
      const heard = (): void => {
        cancel();
        signal.removeEventListener('abort', heard);
        resolve();
      };
      const cancel = log.onAppended(heard);
      signal.addEventListener('abort', heard);
      if (signal.aborted || log.head > this.#place.position || !this.#isLogSound()) heard();
    });
  }
}

/** Without anything that a URL may have behind its path. */
function targetOf(config: SinkConfig): string {
  if (config.type === 'file') return config.path;
  if (config.type === 'nats') return `${config.servers.join(',')} ${config.stream}`;
  const { origin, pathname } = new URL(config.url);
  return `${origin}${pathname}`;
}
