/** The one table of phases: Nomad's seven loops as data. */
import type { HookPhase } from '../events/task-event.ts';

export interface PhaseRule {
  readonly order: 'forward' | 'reverse';
  /** stop: the first failure ends the phase; continue: every hook gets its turn. */
  readonly onError: 'stop' | 'continue';
  /** Milliseconds that each hook may take, unless the hook names its own. */
  readonly timeLimitMs: number;
  /** Is a completion recorded, so that what the hook gave survives the agent? */
  readonly isRecorded: boolean;
}

export const PHASES: Readonly<Record<HookPhase, PhaseRule>> = {
  prestart: { order: 'forward', onError: 'stop', timeLimitMs: 300_000, isRecorded: true },
  start: { order: 'forward', onError: 'continue', timeLimitMs: 30_000, isRecorded: false },
  prekill: { order: 'forward', onError: 'continue', timeLimitMs: 30_000, isRecorded: false },
  exited: { order: 'forward', onError: 'continue', timeLimitMs: 30_000, isRecorded: false },
  update: { order: 'forward', onError: 'continue', timeLimitMs: 30_000, isRecorded: false },
  cleanup: { order: 'reverse', onError: 'continue', timeLimitMs: 30_000, isRecorded: false },
};
