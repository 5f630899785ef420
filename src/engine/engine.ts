/**
 * A container engine that speaks Docker's API, as drivers see it. Every call has a time limit of ten seconds but those
 * that say otherwise, and may be made by many at once: none waits for another. A call that failed throws EngineError,
 * whose `kind` says whether it may have worked.
 */
import type { Duplex, Readable } from 'node:stream';

export interface Engine {
  /** As it was given: `unix:///PATH` or `tcp://HOST:PORT`. */
  readonly endpoint: string;
  /** Its pids and paths are those of this machine. */
  readonly isLocal: boolean;
  version(): Promise<EngineVersion>;
  /** May be repeated: the second of a name is refused with status 409. */
  createContainer(name: string, body: Readonly<Record<string, unknown>>): Promise<{ id: string }>;
  /** Undefined: the engine knows of no such container. `ref` is a name or an id here and below. */
  inspectContainer(ref: string): Promise<ContainerFacts | undefined>;
  startContainer(ref: string): Promise<'started' | 'was-started'>;
  /** False: it does not run, or is not there. */
  killContainer(ref: string, signal: string): Promise<boolean>;
  /** False: it was not there. */
  removeContainer(
    ref: string,
    wish: { readonly force: boolean; readonly volumes: boolean },
  ): Promise<boolean>;
  /** Of all states, those that carry every one of these labels. */
  listContainers(labels: Readonly<Record<string, string>>): Promise<readonly ContainerEntry[]>;
  /**
   * Resolves when the container does not run any more; aborting only ends the waiting. Errors: `timeout` when nothing
   * was heard for a minute, after which it is time to look, and to wait again.
   */
  waitContainer(ref: string, signal: AbortSignal): Promise<{ exitCode: number }>;
  /** Undefined: there is none. */
  inspectImage(ref: string): Promise<ImageFacts | undefined>;
  /**
   * Has an image fetched; resolves when it is there. Its time limits are the caller's. `auth` are credentials for the
   * registry. Errors: refused, with what the registry says, also in the middle.
   */
  pullImage(
    ref: string,
    wish: {
      readonly auth?: Readonly<Record<string, string>>;
      /** Called for every line that the engine tells, of a layer or (empty) of the whole. */
      readonly onProgress?: (status: string, layer: string) => void;
      readonly signal: AbortSignal;
    },
  ): Promise<void>;
  /**
   * Takes images from a tar as `docker save` writes it; resolves with their names, or ids where they have none. May be
   * repeated. Errors: refused, also for a tar that is none.
   */
  loadImage(tar: Readable, signal: AbortSignal): Promise<readonly string[]>;
  /** Never by force. False: it was not there, or a container or another name still uses it. */
  removeImage(ref: string): Promise<boolean>;
  info(): Promise<EngineFacts>;
  /** Makes a command to be run in a container, and does not begin it. Refused with 409 when that does not run. */
  createExec(ref: string, body: Readonly<Record<string, unknown>>): Promise<{ id: string }>;
  /**
   * Begins it, once. Resolves with the connection as soon as there is one, which may be before the command begins: what
   * it says of a command that cannot begin comes there, too. Ending the one half ends the command's input.
   */
  startExec(id: string, wish: { readonly isTty: boolean }): Promise<Duplex>;
  /** Undefined: the engine has forgotten it, as it does a few minutes after its end. */
  inspectExec(id: string): Promise<ExecFacts | undefined>;
  /** False: it does not run. */
  resizeExec(id: string, size: { columns: number; rows: number }): Promise<boolean>;
}

export interface ExecFacts {
  /** Also before its process is there. */
  readonly isRunning: boolean;
  /** Undefined until it has ended, or could not begin. */
  readonly exitCode: number | undefined;
  /** Of the machine that the engine is on; 0: it never began. */
  readonly pid: number;
}

export interface EngineFacts {
  /** Names of the OCI runtimes that containers may ask for. */
  readonly runtimes: readonly string[];
  /** Address of the machine on the engine's own bridge; undefined: it has none. */
  readonly bridgeIp: string | undefined;
}

export interface EngineVersion {
  readonly version: string;
  readonly apiVersion: string;
  readonly os: string;
}

export interface ContainerFacts {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly imageId: string;
  readonly state: ContainerState;
  /** What the image or its creator wants it to be stopped by. */
  readonly stopSignal: string | undefined;
  readonly isTty: boolean;
  /** Of its program. */
  readonly env: Readonly<Record<string, string>>;
  readonly workDir: string;
  /** Of its own network, by the names of the engine's networks. */
  readonly networks: Readonly<Record<string, { readonly ip: string; readonly ip6: string }>>;
}

export interface ContainerEntry {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As `ContainerState.status`. */
  readonly state: string;
}

export interface ContainerState {
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  readonly status: string;
  /** Of the machine that the engine is on; 0 while it does not run. */
  readonly pid: number;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** What the engine says of a start that failed; empty otherwise. */
  readonly error: string;
  /** Milliseconds since the epoch; undefined: never. */
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
}

export interface ImageFacts {
  readonly id: string;
}
