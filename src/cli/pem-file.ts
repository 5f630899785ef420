/** Files of certificates and keys that an option names. */
import { open } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';

/** Throws USAGE for texts that do not belong together, `option` named. */
export function assertTls(pem: Readonly<Record<string, string | Buffer>>, option: string): void {
  try {
    createSecureContext(pem);
  } catch (cause) {
    const text = `${option}: not a certificate and its key: ${messageOf(cause)}`;
    throw new HoldfastError('USAGE', text, { cause });
  }
}

/**
 * `option` is what errors call it. Throws USAGE for a file that cannot be read, PERMISSION_DENIED for a secret that
 * everybody on the machine can read.
 */
export async function readPem(path: string, option: string, kind?: 'secret'): Promise<Buffer> {
  try {
    await using file = await open(path);
    const { mode } = await file.stat();
    const text = await file.readFile();
    // What is no key at all is told of later, by another word.
    if (kind === 'secret' && (mode & 0o004) !== 0 && text.includes('PRIVATE KEY')) {
      const words = `${option}: everybody can read the key ${path}: chmod o-r ${path}`;
      throw new HoldfastError('PERMISSION_DENIED', words);
    }
    return text;
  } catch (cause) {
    if (HoldfastError.is(cause)) throw cause;
    const text = `${option}: ${path} cannot be read (${errnoOf(cause) ?? 'unknown'})`;
    throw new HoldfastError('USAGE', text, { cause });
  }
}
