/** What drivers are tried with whose tasks name a command. */
import type { Driver } from '../../src/drivers/driver.ts';
import { openDriverRig, type DriverRig } from '../../src/testing/index.ts';
import { DEAF_SCRIPT } from '../../src/testing/until-deaf.ts';

export function tryCommands(
  driver: () => Driver,
  config: Readonly<Record<string, unknown>> = {},
): Promise<DriverRig> {
  const sh = (script: string) => ({ ...config, command: 'sh', args: ['-c', script] });
  return openDriverRig({
    driver,
    lasting: { ...config, command: 'sleep', args: ['600'] },
    ending: (exitCode) => sh(`exit ${exitCode}`),
    impossible: { ...config, command: 'no-such-program' },
    deaf: sh(DEAF_SCRIPT),
  });
}
