import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostAddress } from '../../src/rpc/address-file.ts';

/** SIGKILL for every host of the kind that lives; gives how many there were. */
export function killHosts(dataDir: string, kind: HostAddress['kind']): number {
  const hosts = join(dataDir, 'state/hosts');
  let count = 0;
  for (const name of readdirSync(hosts)) {
    try {
      const path = join(hosts, name, 'address.json');
      const address = JSON.parse(readFileSync(path, 'utf8')) as HostAddress;
      if (address.kind !== kind) continue;
      process.kill(address.pid, 'SIGKILL');
      count += 1;
    } catch {
      // A claim, or a host that is gone.
    }
  }
  return count;
}
