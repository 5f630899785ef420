/** What of the machine, and of what else the library's user knows, the operator lets templates have. */
export interface TemplateRules {
  /** Files below these directories may be read by `file`, whatever links lead there. None by default. */
  readonly fileRoots: readonly string[];
  /** What `key` asks: a directory that holds a file for each key, or something of one's own. */
  readonly keys?: string | KeyProvider | undefined;
}

/** Values by key. All groups may ask for all of them. Whatever it throws fails the start, or keeps what was there. */
export interface KeyProvider {
  /** The value by now; undefined: there is none, which is waited for. Asked often, of at most 1,000 keys a task. */
  get(key: string, doors: { readonly signal: AbortSignal }): Promise<string | undefined>;
  /**
   * Calls back whenever one of the keys may have changed, from when it resolves until what it gave is called; `isNews`
   * is false when it is only not known whether it changed once more. Left out: keys are asked for every few seconds.
   */
  watch?(
    keys: readonly string[],
    changed: (key: string, isNews?: boolean) => void,
  ): Promise<() => void>;
}

export const TEMPLATE_RULES: TemplateRules = { fileRoots: [] };
