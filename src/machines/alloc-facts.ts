/** What everybody who decides about an alloc shares. */
import type { AllocEvent } from '../events/alloc-event.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { Facts } from './chart-parts.ts';
import type { DecisionTools } from './decision.ts';

export type AllocTools = Pick<DecisionTools, 'now' | 'steady'>;

export type AllocMaker = <T extends AllocEvent['type']>(
  type: T,
  data: Facts<AllocEvent, T>,
) => AllocEvent;

export function makeAllocEvent(at: number): AllocMaker {
  return (type, data) => ({ type, run: 0, at, data }) as AllocEvent;
}

/** Nomad's words for an alloc that ran as long as it may. */
export const OVERTIME = 'allocation exceeded max_run_duration';

/** Nomad's words for what ends because something else takes its place, or nothing does. */
export const UPDATING = 'alloc is being updated due to job update';
export const NOT_NEEDED = 'alloc not needed due to job update';

/** What opens at once: without a prestart task nothing comes before the main tasks. */
export function firstGates(spec: AllocSpec | undefined, make: AllocMaker): readonly AllocEvent[] {
  const needsPrestart = spec?.tasks.some((task) => task.gate === 'prestart') ?? false;
  return needsPrestart ? [] : [make('AllocGateOpened', { gate: 'main' })];
}

/** When the first task is ended, with the shutdown delay of the group. */
export function killAtOf(
  spec: AllocSpec | undefined,
  { steady }: AllocTools,
): { readonly killAt?: number } {
  const delayMs = spec?.shutdownDelayMs ?? 0;
  return delayMs === 0 ? {} : { killAt: steady + delayMs };
}

const LIVE: ReadonlySet<string> = new Set([
  'waiting',
  'prestart',
  'main',
  'poststart',
  'restarting',
  'stopping',
  'poststop',
]);

/** Of an alloc in this state: it was accepted and has not ended. */
export function isAllocLive(value: string): boolean {
  return LIVE.has(value);
}
