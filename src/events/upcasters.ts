/**
 * Upcasters: an event is stored for ever as it was written, and climbs to today's shape when it is read. To change the
 * shape of an event, raise its `schema` number and add the step from the old shape to the new one at the end of its
 * ladder. A step is pure and total; no step is ever changed or removed once released.
 */
import { HoldfastError } from '../errors.ts';

/** One step: the data of schema n in, the data of schema n + 1 out. */
export type Upcaster = (data: unknown) => unknown;

/** Per event type, the steps in order: the first leads from schema 1 to schema 2. */
export type Ladder = Readonly<Record<string, readonly Upcaster[]>>;

export const UPCASTERS: Ladder = {};

/**
 * Carries `data` of an event `type` from schema `from` up to schema `to`.
 * Errors: EVENT_UNKNOWN when `from` is newer than `to` (a newer agent wrote it) or a step is missing.
 */
export function climb(
  type: string,
  data: unknown,
  from: number,
  to: number,
  ladder: Ladder = UPCASTERS,
): unknown {
  if (from === to) return data;
  if (!Number.isSafeInteger(from) || from < 1 || from > to) throw unknownSchema(type, from, to);
  const steps = Object.hasOwn(ladder, type) ? (ladder[type] ?? []) : [];
  let climbed = data;
  for (let schema = from; schema < to; schema += 1) {
    const step = steps[schema - 1];
    if (step === undefined) throw unknownSchema(type, from, to);
    climbed = step(climbed);
  }
  return climbed;
}

function unknownSchema(type: string, schema: number, known: number): HoldfastError {
  return new HoldfastError(
    'EVENT_UNKNOWN',
    `event ${type} has schema ${schema}; this version reads schemas up to ${known}`,
    { details: { type, schema, known } },
  );
}
