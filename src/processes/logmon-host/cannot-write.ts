import { HoldfastError } from '../../errors.ts';
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
