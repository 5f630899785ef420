import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Hosts run with Node's compile cache because of memory, not of speed: stripping types loads a compiler that costs
 * 12 MB of private memory, and with a warm cache it is never loaded.
 */

/** The cache's directory: the user's own, or one below `stateDir` where there is no home or it is not ours alone. */
export function compileCacheDirectory(stateDir: string, env: NodeJS.ProcessEnv): string {
  const home = env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  for (const base of [join(home, 'holdfast'), join(stateDir, 'cache')]) {
    if (base.startsWith('/') && isOurs(base)) return join(base, 'compile');
  }
  return '';
}

/** Code is run from this directory, so nobody else may write into it. */
function isOurs(directory: string): boolean {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const found = lstatSync(directory);
    if (!found.isDirectory() || found.uid !== process.geteuid?.()) return false;
    if ((found.mode & 0o077) !== 0) chmodSync(directory, 0o700);
    return true;
  } catch {
    return false;
  }
}

/** Set in a process that has started itself again, so that it never does it twice. */
const SECOND_START = 'HOLDFAST_SECOND_START';

/**
 * Call it when everything is imported. With a cold cache it fills the cache and replaces this process by a new one of
 * the same pid, and does not return; otherwise (warm, compiled JavaScript, an older Node) it does nothing.
 */
export function restartWithWarmCache(): void {
  const second = process.env[SECOND_START] !== undefined;
  delete process.env[SECOND_START];
  if (second || process.execve === undefined || !hasLoadedTypeStripper()) return;
  if (process.env['NODE_COMPILE_CACHE'] === undefined) return;
  // Node writes the cache when it exits, which a replaced process never does.
  flushCompileCache();
  process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    {
      ...process.env,
      [SECOND_START]: '1',
    },
  );
}

function hasLoadedTypeStripper(): boolean {
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] };
  return moduleLoadList?.some((name) => name.includes('amaro')) ?? false;
}
