/** What is done about a change while a program runs. JSON-safe: it stands in the log. */
import type { CheckedChange } from './change-schema.ts';
import { durationMs } from './duration.ts';

/** Done after a random time up to `splayMs`. */
export type ChangeRule = { readonly splayMs: number } & (
  | { readonly mode: 'restart' | 'noop' }
  | { readonly mode: 'signal'; readonly signal: string }
  | { readonly mode: 'script'; readonly script: ChangeScript }
);

export interface ChangeScript {
  readonly command: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
  /** Another end than exit code 0 counts as a failure of the task. */
  readonly failOnError: boolean;
}

/** Nomad's, of templates. */
export const DEFAULT_CHANGE: ChangeRule = { mode: 'restart', splayMs: 5_000 };

export function changeRule(written: CheckedChange): ChangeRule {
  const { changeMode = DEFAULT_CHANGE.mode, changeSignal, changeScript, splay } = written;
  const splayMs = splay === undefined ? DEFAULT_CHANGE.splayMs : durationMs(splay);
  if (changeMode === 'signal') return { mode: changeMode, signal: changeSignal ?? '', splayMs };
  if (changeMode === 'script') {
    const { command = '', args = [], timeout = '5s', failOnError = false } = changeScript ?? {};
    const script = { command, args, timeoutMs: durationMs(timeout), failOnError };
    return { mode: changeMode, script, splayMs };
  }
  return { mode: changeMode, splayMs };
}
