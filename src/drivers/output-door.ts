/** How the output of a program comes into the files of its task when somebody else has it, such as an engine. */
import type { RunRequest } from './driver.ts';

/** Where an engine is. */
export interface EnginePlace {
  /** `unix:///PATH` or `tcp://HOST:PORT`. */
  readonly endpoint: string;
  /** Paths of PEM files, for tcp. */
  readonly tls?:
    | { readonly cert?: string; readonly key?: string; readonly ca?: string }
    | undefined;
}

/** Where an engine has it. */
export interface ContainerLog extends EnginePlace {
  readonly containerId: string;
  /** It has a terminal: all of its output is one stream. */
  readonly isTty: boolean;
}

/** All calls may be repeated, by other agents too. */
export interface OutputDoor {
  /**
   * Resolves when a host moves what the container writes into the FIFOs of the task, from its first byte on, and tells
   * the task's users what it cannot. Hosts that are lost are replaced until `release`. Waits for a host as long as it
   * takes; rejects when `signal` aborts, and with what can never work.
   */
  follow(run: RunRequest, log: ContainerLog, signal: AbortSignal): Promise<void>;
  /**
   * Is the container over, and all that it wrote in the FIFOs? Answers after `patienceMs` at the latest; true of a run
   * that is not followed. Never throws.
   */
  settled(run: RunRequest, patienceMs: number): Promise<boolean>;
  /** Nothing of the run is moved any more: before its container is removed. Errors: UNAVAILABLE. */
  release(run: RunRequest): Promise<void>;
}
