/** How programs are and how they can be reached, as users see it. */

/** As the newest result that was recorded says; `pending`: none of this run is. */
export type HealthStatus = 'passing' | 'warning' | 'critical' | 'pending';

/** A service of a program that runs. */
export interface ServiceView {
  readonly alloc: string;
  readonly allocId: string;
  /** Who gives it. */
  readonly task: string;
  readonly run: number;
  readonly service: string;
  /** IPv6 without brackets; empty when nobody was told of one. */
  readonly address: string;
  readonly port: number | null;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** It is the group's, and taken back as soon as the group begins to end. */
  readonly isGroups: boolean;
  /** The worst of its checks; null when it has none. */
  readonly status: HealthStatus | null;
}

/** A check of a program that runs. */
export interface CheckView {
  readonly alloc: string;
  readonly allocId: string;
  readonly task: string;
  readonly run: number;
  readonly check: string;
  /** Whose it is; null for the task's own. */
  readonly service: string | null;
  readonly type: 'script' | 'http' | 'tcp';
  readonly status: HealthStatus;
  /** ISO 8601: when it changed to that; null while it is pending. */
  readonly since: string | null;
  /** Of the result that changed it, at most 4 KiB, without secrets. */
  readonly output: string;
}

export interface HealthView {
  readonly services: readonly ServiceView[];
  readonly checks: readonly CheckView[];
}

export interface HealthCalls {
  /**
   * Services and checks of what runs: of an alloc, of a task, or of everything. In the order of allocs and tasks.
   * Errors: NOT_FOUND, AMBIGUOUS.
   */
  health(ref?: string): Promise<HealthView>;
}
