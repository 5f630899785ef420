/** Where the files of runs are: the agent's own, and those of drivers in processes of their own. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isLaunchKey } from './launch-key.ts';
import { namesIn } from './quiet-reads.ts';
import { runDirectory } from './run-directory.ts';

/** Each is the state directory of a driver in its own process: hosts and files of runs, as in the agent's. */
export function pluginDirs(stateDir: string): readonly string[] {
  const dir = join(stateDir, 'plugins');
  return namesIn(dir).map((name) => join(dir, name));
}

/** Of all runs that have files. */
export function runKeys(stateDir: string): readonly string[] {
  const keys = owners(stateDir).flatMap((dir) =>
    namesIn(join(dir, 'run')).filter((name) => isLaunchKey(name)),
  );
  return [...new Set(keys)];
}

/** Whoever has files of the run; the agent where nobody has. */
export function runDirOf(stateDir: string, launchKey: string): string {
  const all = owners(stateDir).map((dir) => runDirectory(dir, launchKey));
  // Whoever ends a run of a driver by its mark alone leaves a directory of its own.
  return all.toReversed().find((dir) => existsSync(dir)) ?? runDirectory(stateDir, launchKey);
}

/** Every directory that there is of the run. */
export function runDirsOf(stateDir: string, launchKey: string): readonly string[] {
  return owners(stateDir)
    .map((dir) => runDirectory(dir, launchKey))
    .filter((dir) => existsSync(dir));
}

function owners(stateDir: string): readonly string[] {
  return [stateDir, ...pluginDirs(stateDir)];
}
