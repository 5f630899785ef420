/** What the actors work with: a group with every default applied and every duration in milliseconds. */
import type { NetworkSpec } from './network-spec.ts';
import type { SchedulerIdentity } from './scheduler-identity.ts';
import type { RestartPolicy, TaskSpec } from './task-spec.ts';

export type AllocType = 'service' | 'batch' | 'system';

export interface AllocSpec {
  readonly version: 1;
  readonly name: string;
  readonly type: AllocType;
  readonly meta: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly tasks: readonly TaskSpec[];
  /** Between the wish to stop the alloc and the end of its first task. Left out: none. */
  readonly shutdownDelayMs?: number;
  /** So long after it was accepted the alloc is stopped. Left out: never. */
  readonly maxRunDurationMs?: number;
  /** Left out: the machine's own, and no ports. */
  readonly network?: NetworkSpec;
  /** What the scheduler called it, if there is one. Not hashed. */
  readonly identity?: SchedulerIdentity;
}

/**
 * Nomad's defaults per type (`nomad/structs/structs.go`): service and system 2 in 30 minutes, batch 3 in 24 hours.
 * `onLost`: a service whose run cannot be accounted for is restarted, a batch run is not done twice.
 */
export const DEFAULT_RESTART: Readonly<Record<AllocType, RestartPolicy>> = {
  service: { attempts: 2, intervalMs: 1_800_000, delayMs: 15_000, mode: 'fail', onLost: 'restart' },
  system: { attempts: 2, intervalMs: 1_800_000, delayMs: 15_000, mode: 'fail', onLost: 'restart' },
  batch: { attempts: 3, intervalMs: 86_400_000, delayMs: 15_000, mode: 'fail', onLost: 'fail' },
};
