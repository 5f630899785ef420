/** What the newest agent said of itself in the log. */
import type { decode } from '../events/codec.ts';

export interface LastAgent {
  readonly agentEpoch: number;
  readonly pid: number;
  readonly version: string;
  readonly machineEpoch: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Earlier versions did not say. */
  readonly diskFloorBytes?: number;
}

/** To be told of every event, oldest first. */
export class LastWords {
  #last: LastAgent | undefined;
  #leftAlone = new Map<string, string>();
  readonly #replacedHosts = new Map<string, string>();
  /** Said just before an agent says that it started. */
  #hasEntered = false;
  #isInSafeMode = false;

  get last(): LastAgent | undefined {
    return this.#last;
  }
  /** It began in safe mode and has not left it. */
  get isInSafeMode(): boolean {
    return this.#isInSafeMode;
  }
  /** Streams that it set aside, and why. */
  get leftAlone(): ReadonlyMap<string, string> {
    return this.#leftAlone;
  }

  /** By the id of a host that was lost: which one has its work. */
  get replacedHosts(): ReadonlyMap<string, string> {
    return this.#replacedHosts;
  }

  note(event: ReturnType<typeof decode>): void {
    switch (event.type) {
      case 'SafeModeEntered':
        this.#hasEntered = true;
        return;
      case 'AgentStarted':
        this.#last = { ...event.data, startedAt: event.at };
        this.#leftAlone = new Map();
        this.#isInSafeMode = this.#hasEntered;
        this.#hasEntered = false;
        return;
      case 'HostReplaced':
        this.#replacedHosts.set(event.data.hostId, event.data.by);
        return;
      case 'SafeModeLeft':
      case 'AgentStopping':
        this.#isInSafeMode = false;
        return;
      case 'StreamQuarantined':
        this.#leftAlone.set(event.data.stream, event.data.message);
        return;
      default:
    }
  }
}
