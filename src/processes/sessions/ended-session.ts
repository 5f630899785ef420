/** What is left of a session whose output nobody keeps any more. */
import { HoldfastError } from '../../errors.ts';
import type {
  AttachSessionResponse,
  SessionEnd,
} from '../../rpc/gen/holdfast/executor/v1/sessions.ts';

export interface EndedSession {
  readonly end: SessionEnd;
  /** Bytes of output, all in all. */
  readonly written: number;
}

/** Its end, for a reader who has everything behind `after` already. Throws POSITION_COMPACTED when he has not. */
export async function* readEnd(
  id: string,
  { end, written }: EndedSession,
  after: number | undefined,
): AsyncGenerator<AttachSessionResponse, void, undefined> {
  assertKept(id, written, after);
  const value = { outputOffset: written, inputOffset: 0 };
  yield { part: { $case: 'attached', value } };
  yield { part: { $case: 'ended', value: end } };
}

/** Throws POSITION_COMPACTED when the reader lacks some of what was `taken`. */
export function assertKept(id: string, taken: number, after: number | undefined): void {
  if (after === undefined || after >= taken) return;
  const text = `the output of session ${id} is kept behind ${taken} only`;
  throw new HoldfastError('POSITION_COMPACTED', text, { details: { oldest: taken } });
}
