/** What an alloc makes of a message. The rules of `task-decider.ts` hold. */
import { HoldfastError } from '../errors.ts';
import type { AllocEvent } from '../events/alloc-event.ts';
import type { AllocMessage, TaskStanding } from './alloc-messages.ts';
import type { AllocState } from './alloc-machine.ts';
import type { Facts } from './chart-parts.ts';
import type { Decision, DecisionTools } from './decision.ts';

type Maker = <T extends AllocEvent['type']>(type: T, data: Facts<AllocEvent, T>) => AllocEvent;

export function decideAlloc(
  message: AllocMessage,
  state: AllocState,
  tools: Pick<DecisionTools, 'now'>,
): Decision<AllocEvent> {
  const make: Maker = (type, data) => ({ type, run: 0, at: tools.now, data }) as AllocEvent;
  switch (message.type) {
    case 'ReceiveAlloc': {
      if (state.value !== 'pending') {
        const text = 'the alloc exists already';
        return { rejected: new HoldfastError('ALREADY_EXISTS', text) };
      }
      const { spec, specHash, recovered } = message;
      const received = make('AllocReceived', { name: spec.name, spec, specHash, recovered });
      const needsPrestart = spec.tasks.some((task) => task.gate === 'prestart');
      return needsPrestart ? [received] : [received, make('AllocGateOpened', { gate: 'main' })];
    }
    case 'StopAlloc': {
      if (state.value === 'pending' || state.value === 'stopped' || state.value === 'removed') {
        return [];
      }
      if (state.value === 'stopping' && state.context.isStopWished) return [];
      return [make('AllocStopping', { reason: message.reason, isWished: true })];
    }
    case 'RemoveAlloc': {
      if (state.value === 'stopped') return [make('AllocRemoved', {})];
      if (state.value === 'removed') return [];
      const text = `the alloc is ${state.value}: only one that has ended can be removed`;
      return { rejected: new HoldfastError('WRONG_STATE', text) };
    }
    case 'TaskEnded':
      return decideEnded(message.task, message.standings, state, make);
  }
}

function decideEnded(
  task: string,
  standings: readonly TaskStanding[],
  state: AllocState,
  make: Maker,
): Decision<AllocEvent> {
  const { value, context } = state;
  if (value !== 'prestart' && value !== 'main' && value !== 'stopping') return [];
  if (standings.every((standing) => standing.isDead)) {
    return [make('AllocStopped', rollUp(standings, context))];
  }
  if (value === 'stopping') return [];
  const failure = standings.find((standing) => hasFailed(standing));
  if (failure !== undefined) {
    const reason = `Task's sibling "${failure.task}" failed: ${failure.reason}`;
    return [make('AllocStopping', { reason, isWished: false })];
  }
  if (value !== 'prestart') return [];
  const gates = new Map(context.spec?.tasks.map((one) => [one.name, one.gate]));
  const isPrestartDone = standings.every(
    (standing) => gates.get(standing.task) !== 'prestart' || standing.outcome === 'complete',
  );
  if (isPrestartDone) return [make('AllocGateOpened', { gate: 'main' })];
  const cut = standings.find((one) => one.isDead && one.outcome !== 'complete');
  if (cut === undefined) return [];
  const reason = `Prestart task "${cut.task || task}" did not complete: ${cut.reason}`;
  return [make('AllocStopping', { reason, isWished: false })];
}

function hasFailed(standing: TaskStanding): boolean {
  return standing.isDead && (standing.outcome === 'failed' || standing.outcome === 'lost');
}

/** Any failed task fails the alloc; a wished stop is `stopped`; else it is complete (Nomad's order of the roll-up). */
function rollUp(
  standings: readonly TaskStanding[],
  context: AllocState['context'],
): Facts<AllocEvent, 'AllocStopped'> {
  const failed = standings.find((standing) => standing.outcome === 'failed');
  if (failed !== undefined) return { status: 'failed', reason: `${failed.task}: ${failed.reason}` };
  const lost = standings.find((standing) => standing.outcome === 'lost');
  if (lost !== undefined) return { status: 'lost', reason: `${lost.task}: ${lost.reason}` };
  const stopped = standings.find((standing) => standing.outcome === 'stopped');
  if (stopped !== undefined) return { status: 'stopped', reason: context.reason || stopped.reason };
  return { status: 'complete', reason: 'All tasks have completed' };
}
