/** What an alloc makes of commands and of time. The rules of `task-decider.ts` hold. */
import { HoldfastError } from '../errors.ts';
import type { AllocEvent } from '../events/alloc-event.ts';
import type { AllocState } from './alloc-machine.ts';
import type { AllocMessage, AllocMessageOf } from './alloc-messages.ts';
import { decideStandings } from './alloc-standing-decider.ts';
import {
  firstGates,
  isAllocLive,
  killAtOf,
  makeAllocEvent,
  OVERTIME,
  type AllocMaker,
  type AllocTools,
} from './alloc-facts.ts';
import { decideUpdate } from './alloc-update-decider.ts';
import type { Decision } from './decision.ts';

export function decideAlloc(
  message: AllocMessage,
  state: AllocState,
  tools: AllocTools,
): Decision<AllocEvent> {
  const make = makeAllocEvent(tools.now);
  switch (message.type) {
    case 'ReceiveAlloc':
      return decideReceived(message, state, make, tools);
    case 'StopAlloc':
      return decideStop(message, state, make, tools);
    case 'UpdateAlloc':
      return decideUpdate(message, state, make, tools);
    case 'PredecessorEnded': {
      if (state.value !== 'waiting') return [];
      return [make('AllocReplaced', {}), ...firstGates(state.context.spec, make)];
    }
    case 'RestartAlloc':
      return decideRestart(message, state, make);
    case 'RemoveAlloc':
      return decideRemoval(message, state, make);
    case 'RemovalFailed': {
      const isNew = state.value === 'removed' && state.context.removalFailure === undefined;
      return isNew ? [make('AllocRemovalFailed', { reason: message.reason })] : [];
    }
    case 'TasksChanged':
      return decideStandings(message.standings, state, make, tools);
    case 'DurationElapsed':
      return decideOvertime(state, make, tools);
  }
}

function decideReceived(
  { spec, specHash, recovered, acceptedAt, ports, replaces }: AllocMessageOf<'ReceiveAlloc'>,
  { value }: AllocState,
  make: AllocMaker,
  { steady }: AllocTools,
): Decision<AllocEvent> {
  if (value !== 'pending') {
    return { rejected: new HoldfastError('ALREADY_EXISTS', 'the alloc exists already') };
  }
  const { name, maxRunDurationMs } = spec;
  const runUntil = (acceptedAt ?? steady) + (maxRunDurationMs ?? 0);
  const limit = maxRunDurationMs === undefined ? {} : { runUntil };
  const places = ports === undefined ? {} : { ports };
  const received = make('AllocReceived', {
    name,
    spec,
    specHash,
    recovered,
    ...limit,
    ...places,
  });
  if (replaces !== undefined) {
    return [received, make('AllocReplacing', { predecessor: replaces })];
  }
  return [received, ...firstGates(spec, make)];
}

/**
 * A stop that is under way is not begun again, not even behind poststop: who asks twice, since the answer was lost,
 * means the same. It may become somebody's wish, and a quicker one; a hurried one ends poststop tasks too.
 */
function decideStop(
  { reason, isHurried = false }: AllocMessageOf<'StopAlloc'>,
  { value, context }: AllocState,
  make: AllocMaker,
  tools: AllocTools,
): Decision<AllocEvent> {
  if (!isAllocLive(value)) return [];
  const hurry = isHurried ? { isHurried } : {};
  const isQuicker = isHurried && (value === 'poststop' || context.isHurried !== true);
  if (context.isStopWished && !isQuicker) return [];
  if (value !== 'stopping') {
    // Whoever ends what comes after the others has waited already.
    const isLate = value === 'poststop' || isHurried;
    const killAt = isLate ? {} : killAtOf(context.spec, tools);
    return [make('AllocStopping', { reason, isWished: true, ...hurry, ...killAt })];
  }
  const killAt = isHurried || context.killAt === undefined ? {} : { killAt: context.killAt };
  const isHurriedNow = isHurried || context.isHurried === true ? { isHurried: true } : {};
  const cause = context.cause === 'duration' ? { cause: context.cause } : {};
  return [make('AllocStopping', { reason, isWished: true, ...cause, ...isHurriedNow, ...killAt })];
}

function decideRestart(
  { reason }: AllocMessageOf<'RestartAlloc'>,
  state: AllocState,
  make: AllocMaker,
): Decision<AllocEvent> {
  const { value } = state;
  if (value === 'restarting') return [];
  if (value === 'prestart' || value === 'main' || value === 'poststart') {
    return [make('AllocRestarting', { reason })];
  }
  return refused(state, 'it can be begun again only before its end begins');
}

function decideRemoval(
  { rule }: AllocMessageOf<'RemoveAlloc'>,
  state: AllocState,
  make: AllocMaker,
): Decision<AllocEvent> {
  if (state.value === 'stopped') return [make('AllocRemoved', rule === undefined ? {} : { rule })];
  if (state.value === 'removed') return [];
  return refused(state, 'only one that has ended can be removed');
}

/** Tasks behind poststop are ended with the others then, or do not begin. */
function decideOvertime(
  { value, context }: AllocState,
  make: AllocMaker,
  tools: AllocTools,
): Decision<AllocEvent> {
  const { cause, isStopWished, isHurried } = context;
  if (!isAllocLive(value) || cause === 'duration') return [];
  const isEnding = value === 'stopping' || value === 'poststop';
  const before = context.killAt === undefined ? {} : { killAt: context.killAt };
  const killAt = isEnding ? before : killAtOf(context.spec, tools);
  const hurry = isHurried === true ? { isHurried } : {};
  const rest = { isWished: isStopWished, ...hurry, ...killAt };
  return [make('AllocStopping', { reason: OVERTIME, cause: 'duration', ...rest })];
}

function refused({ value }: AllocState, what: string): Decision<AllocEvent> {
  const text = `the alloc is ${value}: ${what}`;
  return { rejected: new HoldfastError('WRONG_STATE', text, { details: { state: value } }) };
}
