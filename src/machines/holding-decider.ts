/** What a task makes of the words of its driver, and of what it makes outside of the runs. */
import { HoldfastError } from '../errors.ts';
import type { TaskEvent } from '../events/task-event.ts';
import type { Decision } from './decision.ts';
import { isWorking, type Maker } from './task-facts.ts';
import type { MessageOf } from './task-messages.ts';
import { isSameThing, type TaskState } from './task-state.ts';

/** Of one run; the last says what was left out. */
export const MESSAGES_OF_RUN = 65;
const HOLDINGS_OF_TASK = 256;

export function decideDriverWord(
  message: MessageOf<'DriverSpoke' | 'RecordHolding' | 'ForgetHolding'>,
  { value, context }: TaskState,
  make: Maker,
): Decision<TaskEvent> {
  if (message.type === 'DriverSpoke') {
    const isTooMuch = (context.messages ?? 0) >= MESSAGES_OF_RUN;
    if (!isWorking(value) || isTooMuch) return [];
    const { topic, message: text, details } = message;
    return [make('DriverMessage', { type: topic, message: text, details })];
  }
  const { kind, id } = message;
  const { holdings = [] } = context;
  const isHeld = holdings.some((one) => isSameThing(one, { kind, id }));
  if (message.type === 'ForgetHolding')
    return isHeld ? [make('HoldingForgotten', { kind, id })] : [];
  if (isHeld) return [];
  // What is made now would be undone by nobody.
  if (value === 'pending' || value === 'cleanup' || value === 'dead') {
    return refused(value, `the task is ${value} and takes no ${kind}`);
  }
  if (holdings.length < HOLDINGS_OF_TASK) return [make('HoldingRecorded', { kind, id })];
  return refused(value, `the task holds ${HOLDINGS_OF_TASK} things already, and takes no ${kind}`);
}

function refused(state: string, text: string): Decision<TaskEvent> {
  return { rejected: new HoldfastError('WRONG_STATE', text, { details: { state } }) };
}
