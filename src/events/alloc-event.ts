/** The facts of one alloc, version 1. The rules of `task-event.ts` hold. */
import { anyJson, fields, flag, oneOf, text } from './shape.ts';
import type { EventOf } from './envelope.ts';

export const ALLOC_EVENTS = {
  /** `spec` is the AllocSpec as it was accepted; `specHash` tells whether a second `run` asks for the same. */
  AllocReceived: {
    schema: 1,
    data: fields({ name: text, spec: anyJson, specHash: text, recovered: flag }),
  },
  /** The main gate: every prestart task succeeded, or there was none. */
  AllocGateOpened: { schema: 1, data: fields({ gate: oneOf('prestart', 'main') }) },
  /** Reserved for part 5 (updates in place). */
  AllocUpdated: { schema: 1, data: fields({ spec: anyJson, specHash: text }) },
  AllocStopping: { schema: 1, data: fields({ reason: text, isWished: flag }) },
  AllocStopped: {
    schema: 1,
    data: fields({ status: oneOf('complete', 'failed', 'stopped', 'lost'), reason: text }),
  },
  AllocRemoved: { schema: 1, data: fields({}) },
} as const;

export type AllocEvent = EventOf<typeof ALLOC_EVENTS>;
export type AllocEventType = keyof typeof ALLOC_EVENTS;
