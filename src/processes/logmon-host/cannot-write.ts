import { errnoOf, HoldfastError, isExhaustion, messageOf } from '../../errors.ts';
import { errnoName } from '../../os/pipes.ts';

/** The name of the errno in what a call of Node threw, which has none for some of them; else its text. */
export function reasonOf(error: unknown): string {
  const { errno } = error as { errno?: unknown };
  return typeof errno === 'number' ? errnoName(-errno) : String(error);
}

export function cannotWrite(reason: string): HoldfastError {
  return new HoldfastError(
    'RESOURCES_EXHAUSTED',
    `output cannot be written (${reason}); it stays in the FIFO and the task waits`,
    { details: { reason } },
  );
}

/** What the system said where `doing` was tried, as RESOURCES_EXHAUSTED, NOT_FOUND or INTERNAL. */
export function cannotOpen(doing: string, error: unknown): HoldfastError {
  const errno = errnoOf(error) ?? '';
  const isMissing = errno === 'ENOENT';
  const code = isExhaustion(errno) ? 'RESOURCES_EXHAUSTED' : isMissing ? 'NOT_FOUND' : 'INTERNAL';
  const text = `${doing}: ${messageOf(error)}`;
  return new HoldfastError(code, text, { cause: error, details: { errno } });
}
