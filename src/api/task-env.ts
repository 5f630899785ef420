/** The environment of a task, as users see it: every variable with where it comes from. */

/** Whatever is, or is made of, a secret is told by name and hash only. */
export interface EnvVariable {
  readonly name: string;
  /** Null for what `secrets` forbid to show, and for a secret that has not been fetched. */
  readonly value: string | null;
  /** Names of the secrets that are in it. */
  readonly secrets: readonly string[];
  /** Of a secret as a hook gave it. */
  readonly hash: string | null;
  /**
   * What gave it: `directories`, `limits`, `identity`, `network`, `meta`, `host`, `default`, `task`, `hook`,
   * `template`, `user`, `mark`. Later ones override earlier ones; `host` and `default` only fill gaps.
   */
  readonly layer: string;
  /** Name of the hook that gave it. */
  readonly from: string | null;
  /** The text before its references were read, when that was another one. */
  readonly written: string | null;
  /** What it overrides, the newest first. */
  readonly overrode: readonly {
    readonly layer: string;
    readonly from: string | null;
    readonly value: string | null;
  }[];
}

export interface TaskEnvView {
  readonly alloc: string;
  readonly allocId: string;
  readonly task: string;
  /** The newest run; of a task that is not running, what the next one will find. 0 before the first. */
  readonly run: number;
  /** In alphabetical order. */
  readonly variables: readonly EnvVariable[];
  /** Why the task cannot be started so, one line each: references that nothing answers, secrets in arguments … */
  readonly problems: readonly string[];
  readonly position: number;
}

export interface EnvCalls {
  /**
   * What the program of a task finds in its environment, as far as it is known now: hooks that have not run have given
   * nothing yet. `ALLOC` alone names the only task of an alloc. Errors: NOT_FOUND, AMBIGUOUS, USAGE.
   */
  env(ref: string): Promise<TaskEnvView>;
}
