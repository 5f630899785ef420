/** Everything a doctor looks at. It changes nothing, ends nothing and waits for nobody. */
import { layoutOf } from '../layout.ts';
import { attempt } from '../log/torn-store.ts';
import { machineEpoch } from '../os/machine-epoch.ts';
import { holderOf } from './agent-presence.ts';
import { dataDirectoryFindings } from './data-directory.ts';
import { environment } from './environment.ts';
import { fileSystem } from './file-system.ts';
import type { Finding } from './finding.ts';
import { hosts } from './hosts.ts';
import { leftovers } from './leftovers.ts';
import { networks } from './networks.ts';
import { output } from './output.ts';
import { runs } from './runs.ts';
import { specs } from './specs.ts';

/** `dataDir` is absolute and need not exist; `now` is the wall clock. Never throws for what it finds. */
export async function examine(dataDir: string, now: number): Promise<readonly Finding[]> {
  const layout = layoutOf(dataDir);
  const machine = await environment(attempt(() => holderOf(layout)));
  const epoch = epochIfAny();
  const directory = await dataDirectoryFindings(layout, now);
  return [
    ...machine,
    ...(await fileSystem(dataDir, directory.reading?.lastWords.last?.diskFloorBytes)),
    ...directory.findings,
    ...leftovers(layout, directory.reading),
    ...networks(layout, directory.reading, directory.instanceId),
    ...specs(layout, directory.reading),
    ...(epoch === undefined
      ? []
      : await hosts(layout.stateDir, epoch, directory.reading?.lastWords.replacedHosts)),
    ...(epoch === undefined ? [] : runs({ layout, ...directory })),
    ...(epoch === undefined || !directory.hasAgent ? [] : await output(layout, epoch)),
  ];
}

/** Without one every pid is a mere number; the environment's finding says so. */
function epochIfAny(): string | undefined {
  try {
    return machineEpoch();
  } catch {
    return undefined;
  }
}
