/** Which data directory a command means. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { HoldfastError } from '../errors.ts';

/** Absolute path: the flag, else HOLDFAST_DATA_DIR, else root's or the user's own default. Throws USAGE for ''. */
export function dataDirectory(
  flag: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  uid: number | undefined = process.geteuid?.(),
): string {
  const named = flag ?? env['HOLDFAST_DATA_DIR'];
  if (named === '') {
    // A variable of a script that was never set shall not mean root's own directory.
    const place = flag === undefined ? 'HOLDFAST_DATA_DIR' : '--data-dir';
    throw new HoldfastError('USAGE', `${place} is empty: name a directory, or leave it out`);
  }
  if (named !== undefined) return resolve(named);
  if (uid === 0) return '/var/lib/holdfast';
  const stateHome = env['XDG_STATE_HOME'];
  const isUsable = stateHome !== undefined && stateHome.startsWith('/');
  return join(isUsable ? stateHome : join(homedir(), '.local', 'state'), 'holdfast');
}
