import { isRetryable, messageOf } from '../errors.ts';
import type { Logger } from '../ports.ts';

/** How often a new host is tried before whoever wanted it is told. */
const ATTEMPTS = 3;

/** A host that dies while it starts is no reason for a task to fail: another one is tried. Throws as `start` does. */
export async function startedAtLast(
  start: () => Promise<void>,
  logger: Logger,
  closing: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      if (attempt >= ATTEMPTS || closing.aborted || !isRetryable(error)) throw error;
      logger.warn({ error: messageOf(error) }, 'a host did not start, trying again');
    }
  }
}
