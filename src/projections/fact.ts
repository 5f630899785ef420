/** Published events with their types: the same words and shapes as in the log, seen from outside. */
import type { PublicEvent } from '../api.ts';
import type { AllocEvent } from '../events/alloc-event.ts';
import type { AuditEvent } from '../events/audit-event.ts';
import type { NodeEvent } from '../events/node-event.ts';
import type { TaskEvent } from '../events/task-event.ts';

type Known = TaskEvent | AllocEvent | NodeEvent | AuditEvent;

/** An event whose `data` is known by its `type`. Shapes were checked when it was read from the log. */
export type Fact = Omit<PublicEvent, 'type' | 'data'> & Pick<Known, 'type' | 'data'> & Known;

export function asFact(event: PublicEvent): Fact {
  return event as unknown as Fact;
}
