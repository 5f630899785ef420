/** Secrets of sinks: in files, read anew for each use, so that they may be changed without a restart. */
import { open } from 'node:fs/promises';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';

const MOST_BYTES = 64 * 1024;

/** Trimmed. Errors: PERMISSION_DENIED for a file that others may read; UNAVAILABLE for one that cannot be read. */
export async function readSecret(path: string): Promise<string> {
  const text = await readBounded(path, true);
  if (text === '') throw new HoldfastError('UNAVAILABLE', `${path} is empty`);
  return text;
}

/** PEM that is no secret. */
export function readPublic(path: string): Promise<string> {
  return readBounded(path, false);
}

async function readBounded(path: string, isSecret: boolean): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const { mode, size } = await file.stat();
    if (isSecret && (mode & 0o007) !== 0) {
      const text = `everybody may read ${path}: chmod o= ${path}`;
      throw new HoldfastError('PERMISSION_DENIED', text);
    }
    if (size > MOST_BYTES) throw new HoldfastError('UNAVAILABLE', `${path} is no secret: too long`);
    return (await file.readFile('utf8')).trim();
  } catch (cause) {
    if (HoldfastError.is(cause)) throw cause;
    const why = errnoOf(cause) ?? messageOf(cause);
    throw new HoldfastError('UNAVAILABLE', `${path} cannot be read: ${why}`, { cause });
  }
}
