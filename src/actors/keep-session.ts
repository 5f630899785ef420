/** Sessions and the streams of their tasks. */
import type { RunRequest } from '../drivers/driver.ts';
import type { SessionEndFacts, TaskMessage } from '../machines/task-messages.ts';
import type { KeptSession, Sessions } from './sessions.ts';

/** Has the end of a session recorded in the stream of its task. A task that is over has closed it already. */
export function keepSession(
  sessions: Sessions,
  { launchKey, allocId, task }: RunRequest,
  id: string,
  tell: (message: TaskMessage) => Promise<void>,
  doubt?: string,
): KeptSession {
  const record = (end: SessionEndFacts): Promise<void> =>
    tell({ type: 'SessionEnded', session: id, ...end });
  return sessions.keep({ id, launchKey, allocId, task: task.name }, record, doubt);
}
