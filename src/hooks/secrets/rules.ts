/**
 * What of the machine the operator lets groups have as secrets. Nothing without his word: whoever may start a group
 * would otherwise read what the agent can read, and run what it can run.
 */
export interface SecretRules {
  /** Variables of the agent, by name; `*` stands for any characters. */
  readonly env: readonly string[];
  /** Files below these directories, whatever links lead there. */
  readonly fileRoots: readonly string[];
  /** Programs, by their absolute paths; with whatever arguments. */
  readonly commands: readonly string[];
}

/** Where tasks that have secrets keep their files. */
export interface SecretPlaces {
  /** 'auto': secrets/ and private/ of a task are in memory where the machine lets us. */
  readonly inMemory?: 'auto' | 'off';
  /** MiB of each. Default 16; nothing is taken before it is used. */
  readonly sizeMb?: number;
}

export const SECRET_RULES: SecretRules = { env: [], fileRoots: [], commands: [] };
