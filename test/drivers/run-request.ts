/** A run as a driver is asked for it, of a task with this config. */
import { join } from 'node:path';
import type { RunRequest } from '../../src/drivers/driver.ts';
import { launchKey } from '../../src/os/launch-key.ts';
import { taskSpec } from '../machines/stories.ts';
import { INSTANCE } from '../own-instance.ts';

export function runRequest(
  driver: string,
  config: Readonly<Record<string, unknown>>,
  run: number,
  dir = '/nowhere',
): RunRequest {
  const token = `token${run}`;
  const key = launchKey('a1', 'web', run, token);
  return {
    allocId: 'a1',
    allocName: 'shop',
    task: taskSpec({ driver, config }),
    run,
    launchKey: key,
    token,
    mark: `${INSTANCE}:${key}`,
    machineEpoch: undefined,
    specHash: 'h1',
    dirs: {
      alloc: dir,
      task: dir,
      local: join(dir, 'local'),
      secrets: join(dir, 'secrets'),
      private: join(dir, 'private'),
      tmp: join(dir, 'tmp'),
      logs: join(dir, 'logs'),
      stdoutFifo: join(dir, 'out'),
      stderrFifo: join(dir, 'err'),
    },
    env: { PATH: '/usr/bin:/bin' },
  };
}
