/** What is left of drivers in their own processes that nobody configures any more. */
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isAlive } from '../os/process-identity.ts';
import { namesIn } from '../os/quiet-reads.ts';
import { pluginDirs } from '../os/run-roots.ts';
import { hostDirectory, readAddress } from '../rpc/address-file.ts';

/** Removes their directories where no host lives and no run has files; others wait for the next agent. */
export async function removeUnusedPlugins(
  stateDir: string,
  machineEpoch: string,
  isConfigured: (driver: string) => boolean,
): Promise<void> {
  const unused = pluginDirs(stateDir).filter((dir) => !isConfigured(basename(dir)));
  for (const dir of unused) {
    const isBusy = namesIn(join(dir, 'run')).length > 0 || (await hasHost(dir, machineEpoch));
    if (!isBusy) await rm(dir, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function hasHost(dir: string, machineEpoch: string): Promise<boolean> {
  const ids = namesIn(join(dir, 'hosts'));
  const addresses = await Promise.all(ids.map((id) => readAddress(hostDirectory(dir, id))));
  return addresses.some(
    (address) => address !== undefined && isAlive(address, machineEpoch) !== 'dead',
  );
}
