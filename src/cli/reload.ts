/** SIGHUP: an agent is told its configuration anew. */
import { HoldfastError } from '../errors.ts';
import type { ServiceNotice } from '../rpc/service-notice.ts';
import type { AgentLog } from './agent-log.ts';
import { type AgentSettings, changesOf } from './agent-settings.ts';

export interface ReloadDoors {
  readonly read: () => Promise<AgentSettings>;
  readonly logger: AgentLog;
  readonly notice: ServiceNotice;
}

/** What hands new settings to whatever runs by the old ones. */
export type Apply = (settings: AgentSettings) => void | Promise<void>;

export class Reload {
  readonly #doors: ReloadDoors;
  #settings: AgentSettings;
  #apply: Apply | undefined;
  #last: Promise<void> = Promise.resolve();
  #status = '';
  #isDue = false;

  constructor(doors: ReloadDoors, settings: AgentSettings) {
    this.#doors = doors;
    this.#settings = settings;
  }

  /** What counts now. */
  get settings(): AgentSettings {
    return this.#settings;
  }

  /** From now on, until `rests`. `status` is what the service manager shows. */
  runs(apply: Apply, status: string): void {
    this.#apply = apply;
    this.#status = status;
    if (this.#isDue) void this.now();
  }

  rests(): void {
    this.#apply = undefined;
  }

  /**
   * At once, or as soon as something runs. Never rejects: what cannot be read or used is told, and everything stays as
   * it was.
   */
  now(): Promise<void> {
    this.#last = this.#last.then(() => this.#once());
    return this.#last;
  }

  async #once(): Promise<void> {
    this.#isDue = this.#apply === undefined;
    if (this.#isDue) return;
    const { logger, notice, read } = this.#doors;
    notice.reloading();
    try {
      const { changed, needRestart, settings } = changesOf(this.#settings, await read());
      await this.#apply?.(settings);
      this.#settings = settings;
      logger.setLevel(settings.options.logLevel);
      logger.info({ changed }, 'read the configuration anew');
      if (needRestart.length > 0) {
        logger.warn({ needRestart }, 'this counts when the agent is started again');
      }
    } catch (error) {
      const { code, message } = HoldfastError.from(error);
      logger.error({ code, error: message }, 'the configuration stays as it was');
    }
    notice.ready(this.#status);
  }
}
