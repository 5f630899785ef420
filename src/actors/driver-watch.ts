/**
 * Asks drivers again and again whether they can work. What cannot is waited for: a start is held up until its driver is
 * healthy, and nothing that runs is touched. A driver that hangs holds up nobody but its own tasks.
 */
import type { Driver, Fingerprint } from '../drivers/driver.ts';
import type { DriverAgent, DriverAttachment } from '../drivers/driver-agent.ts';
import type { DriverRegistry } from '../drivers/registry.ts';
import { HoldfastError, messageOf } from '../errors.ts';
import type { Logger } from '../ports.ts';
import type { RecordNode } from './agent-doors.ts';

export interface DriverWatchDoors {
  readonly drivers: DriverRegistry;
  readonly record: RecordNode;
  readonly logger: Logger;
  /** What the driver is given of the agent; `changed` asks for a look at it. */
  readonly agentFor: (changed: () => void) => DriverAgent;
  /** Between two looks, in milliseconds. Left out: 30 s, as in Nomad. */
  readonly everyMs?: number;
  /** So long a driver may take to answer. Left out: 10 s. */
  readonly limitMs?: number;
}

const EVERY_MS = 30_000;
const LIMIT_MS = 10_000;

export class DriverWatch {
  readonly #doors: DriverWatchDoors;
  readonly #eyes: ReadonlyMap<string, Eye>;
  readonly #waiting = new Set<() => void>();

  constructor(doors: DriverWatchDoors) {
    this.#doors = doors;
    const tell = (): void => {
      for (const look of this.#waiting) look();
    };
    const all = doors.drivers.names.map((name) => new Eye(doors, doors.drivers.get(name), tell));
    this.#eyes = new Map(all.map((eye) => [eye.name, eye]));
  }

  /** Resolves when every driver has answered, or taken too long, whose first answer is worth waiting for. */
  async begin(signal: AbortSignal): Promise<void> {
    const eyes = [...this.#eyes.values()];
    for (const eye of eyes) if (!eye.isAwaited) void eye.look();
    await Promise.all(eyes.filter(({ isAwaited }) => isAwaited).map((eye) => eye.look()));
    const timer = setInterval(() => {
      for (const eye of eyes) void eye.look();
    }, this.#doors.everyMs ?? EVERY_MS);
    timer.unref();
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  /** Why tasks of this driver are not started now; undefined when they are, or when there is no such driver. */
  whyHeld(name: string): string | undefined {
    if (!this.#eyes.has(name)) return undefined;
    const print = this.#doors.drivers.fingerprintOf(name);
    if (print?.health === 'healthy') return undefined;
    return print === undefined ? 'it has not answered yet' : print.message;
  }

  /** Resolves when the driver can start something or is not there at all; rejects with ABORTED when `signal` aborts. */
  async passed(name: string, signal: AbortSignal): Promise<void> {
    while (this.whyHeld(name) !== undefined) await this.#news(signal);
  }

  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#waiting.delete(look);
        signal.removeEventListener('abort', leave);
        settle();
      };
      const look = (): void => end(resolve);
      const leave = (): void =>
        end(() => reject(new HoldfastError('ABORTED', 'nobody waits for the driver any more')));
      if (signal.aborted) return leave();
      this.#waiting.add(look);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** Lets go of every driver. */
  async close(): Promise<void> {
    await Promise.all([...this.#eyes.values()].map((eye) => eye.close()));
  }
}

/** One driver as it is seen. */
class Eye {
  readonly #doors: DriverWatchDoors;
  readonly #driver: Driver;
  readonly #tell: () => void;
  #attachment: DriverAttachment | undefined;
  #looking: Promise<void> | undefined;
  #isAskedAgain = false;
  #isClosed = false;

  constructor(doors: DriverWatchDoors, driver: Driver, tell: () => void) {
    this.#doors = doors;
    this.#driver = driver;
    this.#tell = tell;
  }

  get name(): string {
    return this.#driver.name;
  }

  get isAwaited(): boolean {
    return this.#driver.firstPrint !== 'later';
  }

  /** Resolves when it has answered or taken too long. Never two looks at once: one asked for meanwhile comes then. */
  look(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isAskedAgain = this.#looking !== undefined;
    this.#looking ??= this.#look();
    return this.#looking;
  }

  async #look(): Promise<void> {
    const answer = this.#ask();
    const late = Promise.withResolvers<void>();
    const limitMs = this.#doors.limitMs ?? LIMIT_MS;
    const timer = setTimeout(() => {
      const message = `it did not answer within ${limitMs / 1_000} s`;
      this.#note({ health: 'unhealthy', message, attributes: {} });
      late.resolve();
    }, limitMs);
    // Its answer counts when it comes, and nothing more is asked until then.
    const whole = answer.then((print) => {
      clearTimeout(timer);
      this.#looking = undefined;
      this.#note(print);
      if (this.#isAskedAgain) void this.look();
    });
    await Promise.race([whole, late.promise]);
  }

  async #ask(): Promise<Fingerprint> {
    try {
      const changed = (): void => void this.look();
      if (this.#driver.attach !== undefined) {
        this.#attachment ??= await this.#driver.attach(this.#doors.agentFor(changed));
        if (this.#isClosed) await this.#attachment.close();
      }
      return await this.#driver.fingerprint();
    } catch (error) {
      return { health: 'unhealthy', message: messageOf(error), attributes: {} };
    }
  }

  #note(print: Fingerprint): void {
    const { drivers, record, logger } = this.#doors;
    const before = drivers.fingerprintOf(this.name);
    if (this.#isClosed || (before !== undefined && isSame(before, print))) return;
    drivers.note(this.name, print);
    record('DriverFingerprinted', { driver: this.name, ...print });
    const { health, message } = print;
    if (before !== undefined && before.health !== health) {
      const level = health === 'healthy' ? 'info' : 'warn';
      logger[level]({ driver: this.name, health, message }, 'a driver is in another state');
    }
    this.#tell();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#attachment?.close().catch((error: unknown) => {
      const facts = { driver: this.name, error: messageOf(error) };
      this.#doors.logger.warn(facts, 'a driver did not let go');
    });
  }
}

function isSame(one: Fingerprint, other: Fingerprint): boolean {
  const ordered = ({ health, message, attributes }: Fingerprint): string =>
    JSON.stringify([
      health,
      message,
      Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ]);
  return ordered(one) === ordered(other);
}
