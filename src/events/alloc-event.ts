/** The facts of one alloc, version 1. The rules of `task-event.ts` hold. */
import { anyJson, fields, flag, list, oneOf, optional, text, whole } from './shape.ts';
import type { EventOf } from './envelope.ts';

/** A port of the machine. At `hostIp` only, when it is that of a `hostNetwork`; else at every address. */
const assignedPort = fields({
  label: text,
  hostIp: text,
  hostPort: whole,
  to: optional(whole),
  hostNetwork: optional(text),
  isShared: optional(flag),
});

export const ALLOC_EVENTS = {
  /**
   * `spec` is the AllocSpec as it was accepted; `specHash` tells whether a second `run` asks for the same. `runUntil`
   * is when it is stopped at the latest, on the steady clock. `ports` are its own until it has ended.
   */
  AllocReceived: {
    schema: 1,
    data: fields({
      name: text,
      spec: anyJson,
      specHash: text,
      recovered: flag,
      runUntil: optional(whole),
      ports: optional(list(assignedPort)),
    }),
  },
  /** The main gate: every prestart task succeeded, or runs if it is a sidecar, or there was none. */
  AllocGateOpened: { schema: 1, data: fields({ gate: oneOf('prestart', 'main') }) },
  /** Every main task has started, or is over. */
  AllocPoststartOpened: { schema: 1, data: fields({}) },
  /** Every other task is over. */
  AllocPoststopOpened: { schema: 1, data: fields({}) },
  /**
   * From here on the alloc is to be as `spec` says. `version` counts: 1 is what was received. `changes` names the tasks
   * that the difference touches. `runUntil` as in AllocReceived: left out, there is no limit any more.
   */
  AllocUpdated: {
    schema: 1,
    data: fields({
      spec: anyJson,
      specHash: text,
      version: whole,
      changes: list(fields({ task: text, action: oneOf('in-place', 'restart', 'add', 'remove') })),
      runUntil: optional(whole),
    }),
  },
  /** It takes over from the alloc `predecessor`, and nothing of it begins before that one is over. */
  AllocReplacing: { schema: 1, data: fields({ predecessor: text }) },
  /** The predecessor is over. */
  AllocReplaced: { schema: 1, data: fields({}) },
  /**
   * The end begins. `cause`: a task failed, the leader ended, only sidecars were left, or the time was up; left out
   * for a wish. `task` is whose end it was. `killAt` is when the first task is ended, on the steady clock: left out, at
   * once. `isHurried`: no task waits for its shutdown delay. Said again, `killAt` may only become earlier.
   */
  AllocStopping: {
    schema: 1,
    data: fields({
      reason: text,
      isWished: flag,
      cause: optional(oneOf('sibling', 'leader', 'mains', 'duration')),
      task: optional(text),
      killAt: optional(whole),
      isHurried: optional(flag),
    }),
  },
  /** Everything but what waits for poststop is ended, and then begun anew. */
  AllocRestarting: { schema: 1, data: fields({ reason: text }) },
  /** All stand still; the gates open from the first one on. */
  AllocRestarted: { schema: 1, data: fields({}) },
  /** `endedAt` is on the steady clock. */
  AllocStopped: {
    schema: 1,
    data: fields({
      status: oneOf('complete', 'failed', 'stopped', 'lost'),
      reason: text,
      endedAt: optional(whole),
    }),
  },
  /** Its files go now, and then its events. `rule` is what took it: a wish, its age, their number or a full disk. */
  AllocRemoved: {
    schema: 1,
    data: fields({ rule: optional(oneOf('wish', 'age', 'count', 'disk', 'inodes')) }),
  },
  /** Its files could not be removed, for the first time: that is tried again. */
  AllocRemovalFailed: { schema: 1, data: fields({ reason: text }) },
} as const;

export type AllocEvent = EventOf<typeof ALLOC_EVENTS>;
export type AllocEventType = keyof typeof ALLOC_EVENTS;
