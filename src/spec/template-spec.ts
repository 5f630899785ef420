/** A file that is filled in before each start. JSON-safe: it stands in the log, and what is filled in does not. */
export interface TemplateSpec {
  /** Exactly one of the two. `source` is below the directory of the task. */
  readonly data?: string;
  readonly source?: string;
  /** Below the directory of the task. */
  readonly destination: string;
  /** Octal. */
  readonly perms: string;
  readonly env: boolean;
  readonly errorOnMissingKey: boolean;
}
