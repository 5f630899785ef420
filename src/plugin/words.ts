/** What an agent and a driver in a process of its own say to each other, before it becomes JSON. */
import type { EndedTask, RunRequest } from '../drivers/driver.ts';
import type { Holding, Thing } from '../drivers/holdings.ts';
import type { ContainerLog } from '../drivers/output-door.ts';
import type { SessionWish } from '../drivers/session.ts';
import { HoldfastError } from '../errors.ts';
import type { StopStep } from '../machines/kill-policy.ts';
import type { TaskSpec } from '../spec/task-spec.ts';

/** What a driver says of itself that does not change while it lives. */
export interface Description {
  readonly name: string;
  readonly apiVersion: number;
  readonly mounts: 'none' | 'all';
  readonly networks: 'machine' | 'group';
  /** Asked once, of a task without a config. */
  readonly root: 'machine' | 'task';
  /** Can it run commands beside its programs? Of an older version: left out, it cannot. */
  readonly sessions?: boolean;
}

/** What a call of the contract is given; each call takes what it needs of it. */
export interface Given {
  readonly agent?: { readonly machineEpoch: string };
  readonly config?: Readonly<Record<string, unknown>>;
  readonly task?: TaskSpec;
  readonly run?: RunRequest;
  readonly plan?: readonly StopStep[];
  readonly signal?: string;
  readonly wish?: SessionWish;
  readonly launchKey?: string;
  readonly things?: readonly Holding[];
  readonly of?: EndedTask;
  /** Of the task that the call is about. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly holdings?: readonly Holding[];
}

export interface TaskName {
  readonly allocId: string;
  readonly task: string;
}

/** Facts of the node that a driver may have recorded: its hosts, and what it found left over. */
export const RECORDED = ['HostStarted', 'HostLost', 'HostReplaced', 'DriverLeftoverFound'] as const;

/** What a driver says to its agent, and the answer that it gets where one is waited for. */
export type Word =
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly facts: object;
      readonly message: string;
    }
  | {
      readonly kind: 'record';
      readonly type: (typeof RECORDED)[number];
      readonly facts: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'changed' }
  | { readonly kind: 'recovered' }
  | {
      readonly kind: 'count';
      readonly metric: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly n: number;
    }
  | {
      readonly kind: 'emit';
      readonly of: TaskName;
      readonly type: string;
      readonly message: string;
      readonly details: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'hold' | 'forget'; readonly of: TaskName; readonly thing: Thing }
  | { readonly kind: 'follow'; readonly run: RunRequest; readonly log: ContainerLog }
  | { readonly kind: 'settled'; readonly run: RunRequest; readonly patienceMs: number }
  | { readonly kind: 'releaseOutput'; readonly run: RunRequest }
  | { readonly kind: 'isKnown'; readonly launchKey: string; readonly of?: TaskName | undefined };

export function toJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify({ value }));
}

/** Throws UNAVAILABLE for what is no JSON of ours: another process wrote it. */
export function fromJson(bytes: Uint8Array): unknown {
  try {
    const read: unknown = JSON.parse(Buffer.from(bytes).toString());
    if (typeof read === 'object' && read !== null) return (read as { value?: unknown }).value;
  } catch {
    // Said below.
  }
  throw new HoldfastError('UNAVAILABLE', 'what it says makes no sense');
}
