/** Between two openings of a store: who asks the agent, at its socket or by HTTP, hears that it is there and waits. */
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../errors.ts';
import type { HttpListener } from '../http/http-server.ts';
import type { Logger } from '../ports.ts';
import type { Reload } from './reload.ts';
import type { Ready } from './serve-all.ts';

interface WaitingDoors {
  readonly dataDir: string;
  readonly logger: Logger;
  readonly reload: Reload;
}

const CLOSE_GRACE_MS = 100;

export class WaitingRoom {
  readonly #doors: WaitingDoors;
  #http: HttpListener | undefined;
  #httpPort: number | undefined;
  #failure = new HoldfastError('UNAVAILABLE', 'the agent begins');
  #pauseMs = 0;

  constructor(doors: WaitingDoors) {
    this.#doors = doors;
  }

  /** Where HTTP was served before: an agent that was given any port keeps the one it has. */
  get httpPort(): number | undefined {
    return this.#httpPort;
  }

  remember({ url }: Ready): void {
    if (url !== undefined) this.#httpPort = Number(new URL(url).port);
  }

  /** The pause before the next opening. True when it was told to end meanwhile. HTTP is answered until `leave`. */
  async wait(failure: HoldfastError, pauseMs: number, stop: Promise<undefined>): Promise<boolean> {
    this.#failure = failure;
    this.#pauseMs = pauseMs;
    this.#http ??= await this.#serveHttp();
    const { serveWaiting } = await import('../server/waiting-service.ts');
    const { socketGroup } = this.#doors.reload.settings.options;
    const place = { dataDir: this.#doors.dataDir, ...(socketGroup && { socketGroup }) };
    const listener = await serveWaiting(place, failure);
    const isStopped = await Promise.race([delay(pauseMs, false), stop.then(() => true)]);
    await listener?.close();
    return isStopped;
  }

  /** To be called before the agent serves HTTP itself. May be repeated. */
  async leave(): Promise<void> {
    const http = this.#http;
    this.#http = undefined;
    await http?.close(CLOSE_GRACE_MS, () => undefined);
  }

  async #serveHttp(): Promise<HttpListener | undefined> {
    const { http } = this.#doors.reload.settings;
    if (http === undefined) return undefined;
    const { serveWaitingHttp } = await import('../http/waiting-http.ts');
    const place = { ...http, port: this.#httpPort ?? http.port };
    try {
      return await serveWaitingHttp(place, () => {
        return { code: this.#failure.code, retryAfterMs: this.#pauseMs };
      });
    } catch (error) {
      // It is served again when the store is open; nobody is to wait for this.
      const { message } = HoldfastError.from(error);
      this.#doors.logger.warn({ error: message }, 'HTTP is not answered while the agent waits');
      return undefined;
    }
  }
}
