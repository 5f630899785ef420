/** The two ways in which an artifact cannot be had. */
import { HoldfastError, errnoOf, messageOf } from '../../errors.ts';

/** Trying again changes nothing. */
export function refused(text: string, cause?: unknown): HoldfastError {
  return new HoldfastError('HOOK_FAILED', text, { cause });
}

/** The network, or whoever is at its other end: the restart policy may try again. */
export function passing(text: string, cause?: unknown): HoldfastError {
  return new HoldfastError('HOOK_FAILED', text, { cause, retryable: true });
}

/** Errors of the disk pass, when somebody has made room; all others are told in the words of the system. */
export function diskFault(what: string, error: unknown): HoldfastError {
  if (HoldfastError.is(error)) return error;
  const text = `${what}: ${messageOf(error)}`;
  const isPassing = ['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EIO'].includes(errnoOf(error) ?? '');
  return isPassing ? passing(text, error) : refused(text, error);
}
