import { HoldfastError } from '../errors.ts';
import { isWaiting } from '../server/agent-socket.ts';

/** Without an answer, and after a log that failed, nobody knows whether a group was accepted. */
export function unanswered(error: unknown, allocId: string): unknown {
  if (!HoldfastError.is(error) || !UNKNOWING.has(error.code) || isWaiting(error)) return error;
  const { code, message, details } = error;
  const text = `${message}; the group may have been accepted as ${allocId}: look at "holdfast ps -a"`;
  const facts = { ...details, mayBeAccepted: true, allocId };
  return new HoldfastError(code, text, { cause: error, details: facts });
}

const UNKNOWING: ReadonlySet<string> = new Set(['UNAVAILABLE', 'STORE_FAILED', 'TIMEOUT']);
