/** What surrounds a fact: the type of events before they are stored, and of events read back. */
import type { Shape, TypeOf } from './shape.ts';

export interface EventShape {
  /** Number of the stored shape of `data`, from 1. */
  readonly schema: number;
  readonly data: Shape<unknown>;
}
export type Vocabulary = Readonly<Record<string, EventShape>>;

/** The union of events that a vocabulary declares. `run` is the run that the event is about, 0 before the first. */
export type EventOf<V extends Vocabulary> = {
  [T in keyof V & string]: {
    readonly type: T;
    readonly run: number;
    /** Milliseconds since the epoch: a label, never an order. */
    readonly at: number;
    readonly data: TypeOf<V[T]['data']>;
  };
}[keyof V & string];

/** Any event, as the log sees it: it stores events and never interprets them. */
export interface AnyEvent {
  readonly type: string;
  readonly run: number;
  readonly at: number;
  readonly data: unknown;
}

/** An event as it stands in the log. */
export type Recorded<E extends AnyEvent = AnyEvent> = E & {
  /** 1, 2, 3 … over the whole log; never reused. */
  readonly position: number;
  readonly storeId: string;
  readonly stream: string;
  /** 1, 2, 3 … within the stream. */
  readonly version: number;
};

export type StreamName = string;

export const NODE_STREAM: StreamName = 'node';
export function allocStream(allocId: string): StreamName {
  return `alloc/${allocId}`;
}
export function taskStream(allocId: string, task: string): StreamName {
  return `task/${allocId}/${task}`;
}

/** Who asked for what, in parts: an old part can be removed whole. */
export function auditStream(part: number): StreamName {
  return `audit/${part}`;
}
export const AUDIT_PREFIX = 'audit/';

export interface StreamParts {
  readonly kind: 'node' | 'alloc' | 'task' | 'audit';
  readonly allocId?: string;
  readonly task?: string;
}
/** Takes a stream's name apart; undefined for a name that is none of ours. */
export function parseStream(stream: StreamName): StreamParts | undefined {
  if (stream === NODE_STREAM) return { kind: 'node' };
  const [kind, allocId, task, more] = stream.split('/');
  if (!allocId || more !== undefined) return undefined;
  if (kind === 'audit' && task === undefined) return { kind };
  if (kind === 'alloc' && task === undefined) return { kind, allocId };
  if (kind === 'task' && task) return { kind, allocId, task };
  return undefined;
}
