/** What an alloc makes of the wish that it be another one. The rules of `task-decider.ts` hold. */
import { HoldfastError } from '../errors.ts';
import type { AllocEvent } from '../events/alloc-event.ts';
import { UPDATING, type AllocMaker, type AllocTools } from './alloc-facts.ts';
import type { AllocState } from './alloc-machine.ts';
import type { UpdateAlloc } from './alloc-messages.ts';
import { versionOf } from './alloc-update.ts';
import type { Decision } from './decision.ts';

/** In these states an alloc can be updated; afterwards only another one can take over from it. */
const UPDATABLE: ReadonlySet<string> = new Set([
  'waiting',
  'prestart',
  'main',
  'poststart',
  'restarting',
]);

export function isUpdatable(value: string): boolean {
  return UPDATABLE.has(value);
}

export function decideUpdate(
  { spec, specHash, from, changes, beginsAnew }: UpdateAlloc,
  { value, context }: AllocState,
  make: AllocMaker,
  tools: AllocTools,
): Decision<AllocEvent> {
  const version = versionOf(context);
  if (context.specHash === specHash) return [];
  if (!isUpdatable(value)) {
    const text = `the alloc is ${value}: it can be updated only before its end begins`;
    return { rejected: new HoldfastError('WRONG_STATE', text, { details: { state: value } }) };
  }
  if (from !== version) {
    const text = `the alloc is at version ${version}, and not at ${from} any more`;
    return { rejected: new HoldfastError('VERSION_CONFLICT', text, { details: { version } }) };
  }
  const facts = { spec, specHash, version: version + 1, changes, ...limitOf(spec, context, tools) };
  const updated = make('AllocUpdated', facts);
  const isBegun = value !== 'waiting' && value !== 'restarting';
  return beginsAnew && isBegun
    ? [updated, make('AllocRestarting', { reason: UPDATING })]
    : [updated];
}

/** A limit counts from the acceptance; where there was none, nobody knows that any more: from now. */
function limitOf(
  { maxRunDurationMs }: UpdateAlloc['spec'],
  { runUntil, spec }: AllocState['context'],
  { steady }: AllocTools,
): { readonly runUntil?: number } {
  if (maxRunDurationMs === undefined) return {};
  const before = spec?.maxRunDurationMs;
  const isKnown = runUntil !== undefined && before !== undefined;
  return { runUntil: (isKnown ? runUntil - before : steady) + maxRunDurationMs };
}
