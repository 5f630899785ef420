/** What both charts are written with. */
import { assert } from '../errors.ts';

/** The data of one event of a union. */
export type Facts<E extends { type: string; data: unknown }, T extends E['type']> = Extract<
  E,
  { type: T }
>['data'];

/**
 * Stands behind every duty name in a chart. A chart is folded, never run: whoever hands one to `createActor` by
 * mistake fails at its first duty instead of doing work before it is recorded.
 */
export function asDuty(): void {
  assert(false, 'a chart is folded with evolve(), never run with createActor()');
}
