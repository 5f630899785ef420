import type { OpenSessionRequest } from '../../rpc/gen/holdfast/executor/v1/sessions.ts';

/** Beside the mark of the run: tells the processes of one session from the others of the run. */
export const SESSION_VARIABLE = 'HOLDFAST_SESSION';

/** In the environment of everything of a session. */
export function marksOf({ mark, session }: OpenSessionRequest): Record<string, string> {
  return { HOLDFAST_MARK: mark, [SESSION_VARIABLE]: session };
}
