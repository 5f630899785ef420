import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { replaceFile } from '../../os/atomic-file.ts';
import { makeBelow } from '../../os/make-below.ts';
import type { ShimSource } from './launch.ts';
import { SHIM_TEXT } from './shim.ts';

/**
 * Writes the shim where a shell can read it for as long as it runs: a shell reads a script piece by piece, so that the
 * file must stay what it was. Its name changes with its text.
 */
export function installShim(
  stateDir: string,
  textHash: string,
): Pick<ShimSource, 'script' | 'ensureScript'> {
  const script = join(stateDir, 'hosts', `shim-${textHash}`);
  const write = (): void => replaceFile(script, SHIM_TEXT, { durable: false });
  write();
  const ensureScript = (): void => {
    if (existsSync(script)) return;
    makeBelow(stateDir, dirname(script));
    write();
  };
  return { script, ensureScript };
}
