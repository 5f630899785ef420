/** Which data directory a command means. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Absolute path: the flag, else HOLDFAST_DATA_DIR, else root's or the user's own default. */
export function dataDirectory(
  flag: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  uid: number | undefined = process.geteuid?.(),
): string {
  const named = flag ?? env['HOLDFAST_DATA_DIR'];
  if (named !== undefined && named !== '') return resolve(named);
  if (uid === 0) return '/var/lib/holdfast';
  const stateHome = env['XDG_STATE_HOME'];
  const isUsable = stateHome !== undefined && stateHome.startsWith('/');
  return join(isUsable ? stateHome : join(homedir(), '.local', 'state'), 'holdfast');
}
