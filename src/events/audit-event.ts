/** Who asked for what, version 1: streams `audit/1`, `audit/2` … The rules of `task-event.ts` hold. */
import { fields, list, nullable, oneOf, optional, record, text, whole } from './shape.ts';
import type { EventOf } from './envelope.ts';

/** What can be known of whoever asks; texts are cut. `api/actor.ts` says what each is. */
const actor = fields({
  via: oneOf('library', 'socket', 'grpc', 'http'),
  name: text,
  address: optional(text),
  uid: optional(whole),
  pid: optional(whole),
  scopes: optional(list(text)),
  client: optional(text),
  onBehalfOf: optional(text),
});

export const AUDIT_EVENTS = {
  /**
   * Before anything is done because of it. `ref` as it was said, `allocIds` and `task` what it meant then: for `run`
   * the live alloc, if there is one, and the id that a new one gets. `options` never hold what may be secret.
   */
  CommandReceived: {
    schema: 1,
    data: fields({
      command: text,
      actor,
      ref: text,
      allocIds: list(text),
      task: nullable(text),
      options: record(text),
    }),
  },
  /**
   * A command that was not done. `received` is the position of its CommandReceived, null when it was refused before
   * that, at the door. Of many in a minute some are only counted: `unrecorded` are those since the one before.
   */
  CommandRefused: {
    schema: 1,
    data: fields({
      command: text,
      actor,
      ref: text,
      allocIds: list(text),
      task: nullable(text),
      received: nullable(whole),
      code: text,
      unrecorded: whole,
    }),
  },
} as const;

export type AuditEvent = EventOf<typeof AUDIT_EVENTS>;
