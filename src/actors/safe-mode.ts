/**
 * An agent that keeps dying must not start the same things again and again. When it began too often without having
 * been closed in order, it adopts and records everything, and starts nothing for a while.
 */
import { messageOf } from '../errors.ts';
import type { EventLog } from '../log/event-log.ts';
import type { AgentDoors } from './agent-doors.ts';
import { type NodeJournal, recentNodeEvents } from './node-journal.ts';

export interface SafeModeLimit {
  /** More agents than this, none of them closed in order … */
  readonly starts: number;
  /** … within this time, in milliseconds. */
  readonly withinMs: number;
}

export const SAFE_MODE_LIMIT: SafeModeLimit = { starts: 5, withinMs: 60_000 };

/** Agents that began since `since` on the steady clock and were not closed in order, as the log tells. */
export function crashedStarts(log: EventLog, since: number): number {
  let crashed = 0;
  let isOpen = false;
  for (const event of recentNodeEvents(log)) {
    if (event.type === 'AgentStopping') isOpen = false;
    if (event.type !== 'AgentStarted') continue;
    if (isOpen) crashed += 1;
    isOpen = (event.data.steadyAt ?? 0) >= since;
  }
  return crashed + (isOpen ? 1 : 0);
}

/** Holds starts up when the agents before this one died too often; they go on when this one has lived long enough. */
export function enterSafeModeIfNeeded(
  { log, clock, gate, record, logger }: AgentDoors,
  journal: NodeJournal,
  limit: SafeModeLimit,
  closing: AbortSignal,
): void {
  const { withinMs } = limit;
  const crashed = crashedStarts(log, clock.steady() - withinMs);
  if (crashed < limit.starts) return;
  const starts = crashed + 1;
  gate.hold('safe-mode');
  logger.error({ starts, withinMs }, 'the agent keeps dying: nothing is started for a while');
  record('SafeModeEntered', { starts, withinMs });
  // crash point: agent.safe-mode.entered
  const leave = async (): Promise<void> => {
    // Durable first: an agent that was overtaken meanwhile learns it here, and starts nothing.
    await journal.append('SafeModeLeft', {});
    // crash point: agent.safe-mode.left
    gate.release('safe-mode');
  };
  const cancel = clock.at(clock.steady() + withinMs, () => {
    leave().catch((error: unknown) =>
      logger.error({ error: messageOf(error) }, 'safe mode is not left'),
    );
  });
  closing.addEventListener('abort', cancel, { once: true });
}
