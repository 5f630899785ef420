/** Commands beside programs, between the agent, its drivers and the hosts. */
import type { Confinement } from './confinement.ts';
import type { RunRequest } from './driver.ts';
import type { EnginePlace } from './output-door.ts';

/** What somebody wants to run beside a run's program. */
export interface SessionWish {
  /** Names the session; never used again. */
  readonly session: string;
  readonly argv: readonly string[];
  /** Over the environment of the run. */
  readonly env: Readonly<Record<string, string>>;
  /** Undefined: as the program. */
  readonly user: string | undefined;
  /** Undefined: as the program; relative to that of the program. */
  readonly cwd: string | undefined;
  readonly terminal: { readonly columns: number; readonly rows: number } | undefined;
  /** Ends the one before it in this slot beside the run. Left out: it has none. */
  readonly slot?: string | undefined;
}

/** What a driver makes of it. */
export interface SessionCommand {
  readonly session: string;
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute, as the command sees it. */
  readonly cwd: string;
  readonly terminal: SessionWish['terminal'];
  readonly slot?: SessionWish['slot'];
  /** As that of the program. */
  readonly confinement?: Confinement | undefined;
  /** Of a program that an engine has: it runs the command. */
  readonly container?: CommandContainer | undefined;
}

export interface CommandContainer extends EnginePlace {
  readonly containerId: string;
  /** As the engine takes it. Undefined: the container's. */
  readonly user: string | undefined;
}

/** A host of a driver's own. */
export interface SessionHostPlace {
  /** Absolute path: that of the driver's hosts. */
  readonly stateDir: string;
  readonly hostId: string;
}

/** The hosts as drivers need them for this. */
export interface SessionDoor {
  /**
   * Resolves when the command was started. Rejects when it was not and never will be: COMMAND_NOT_FOUND,
   * COMMAND_NOT_EXECUTABLE, CAPABILITY_MISSING, WRONG_STATE; UNAVAILABLE when its host was lost meanwhile.
   */
  open(run: Pick<RunRequest, 'launchKey' | 'mark'>, command: SessionCommand): Promise<void>;
}
