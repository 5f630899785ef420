/** A file that is filled in before each start. JSON-safe: it stands in the log, and what is filled in does not. */
import { changeRule, type ChangeRule } from './change-spec.ts';
import { durationMs } from './duration.ts';
import type { CheckedTemplate } from './template-schema.ts';

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
  /** It is filled in before the first start only. Left out: false. */
  readonly once?: boolean;
  /** How changes are gathered. Left out: DEFAULT_WAIT. */
  readonly wait?: WaitRule;
  /** Left out: DEFAULT_CHANGE. */
  readonly change?: ChangeRule;
}

/** A change is looked at when there was none for `minMs`, and at the latest after `maxMs`. */
export interface WaitRule {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Nomad's. */
export const DEFAULT_WAIT: WaitRule = { minMs: 5_000, maxMs: 240_000 };

/** A template that asks for nothing new is written as it was before there was any of it. */
export function templateSpec(checked: CheckedTemplate): TemplateSpec {
  const { data, source, destination, perms, env, errorOnMissingKey, once, wait } = checked;
  const saysWhat = checked.changeMode !== undefined || checked.splay !== undefined;
  return {
    ...(data !== undefined && { data }),
    ...(source !== undefined && { source }),
    destination,
    perms,
    env,
    errorOnMissingKey,
    ...(once === true && { once }),
    ...(wait !== undefined && { wait: waitRule(wait) }),
    ...(saysWhat && { change: changeRule(checked) }),
  };
}

function waitRule({ min, max }: NonNullable<CheckedTemplate['wait']>): WaitRule {
  const minMs = durationMs(min);
  return { minMs, maxMs: max === undefined ? 4 * minMs : durationMs(max) };
}
