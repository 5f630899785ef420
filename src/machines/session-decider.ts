/** What a task makes of commands beside its program. */
import { HoldfastError } from '../errors.ts';
import type { TaskEvent } from '../events/task-event.ts';
import type { Decision, DecisionTools } from './decision.ts';
import type { Maker } from './task-facts.ts';
import type { MessageOf } from './task-messages.ts';
import { runsOn, type TaskContext, type TaskState } from './task-state.ts';

export function decideSession(
  message: MessageOf<'OpenSession' | 'SessionEnded'>,
  state: TaskState,
  make: Maker,
  { steady }: Pick<DecisionTools, 'steady'>,
): Decision<TaskEvent> {
  const { value, context } = state;
  if (message.type === 'OpenSession') {
    const { session, argv, user, isTerminal, actor } = message;
    if (runsOn(state, steady)) {
      return [make('SessionOpened', { session, argv: [...argv], user, isTerminal, actor })];
    }
    const text = `the task does not run (${value}): commands are run beside a running program only`;
    return { rejected: new HoldfastError('WRONG_STATE', text, { details: { state: value } }) };
  }
  const { session, exitCode, signal, reason } = message;
  if (context.sessions?.includes(session) !== true) return [];
  return [make('SessionClosed', { session, exitCode, signal, reason })];
}

/** Steps by which a run is left behind: nothing lives of it then, and so nothing of what was beside it. */
const LEAVES_RUN: ReadonlySet<TaskEvent['type']> = new Set([
  'TaskRestarting',
  'TaskNotRestarting',
  'TaskKilled',
  'TaskRecovered',
]);

/** The same decision, before which every command beside the run is over when the run is. */
export function withSessionsClosed(
  decision: readonly TaskEvent[],
  context: TaskContext,
  make: Maker,
): readonly TaskEvent[] {
  const { sessions = [] } = context;
  const at = decision.findIndex(({ type }) => LEAVES_RUN.has(type));
  if (sessions.length === 0 || at < 0) return decision;
  const reason = 'its run ended';
  const closed = sessions.map((session) =>
    make('SessionClosed', { session, exitCode: null, signal: null, reason }),
  );
  return [...decision.slice(0, at), ...closed, ...decision.slice(at)];
}
