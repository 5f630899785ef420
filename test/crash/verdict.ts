/** What is wrong after a case: the ledger of the programs and the log of the agent must tell the same story. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseSpec, CaseStage } from './case.ts';
import { FOREIGN_KEY } from './canary.ts';
import { faultsOf, type Fault } from './fault.ts';
import { harmOf, type Harm } from './harm.ts';
import { isRemoved, readHistory, type History } from './history.ts';
import { readLedger, type Ledger } from './ledger.ts';
import { leftOfNetworks } from './networked.ts';
import { faultsInOutput } from './output.ts';
import type { CasePlaces } from './plan.ts';
import { faultsInRun } from './run-verdict.ts';
import { workload, type Workload } from './workloads.ts';

export interface Story {
  readonly harm: Harm;
  readonly work: Workload;
  readonly ledger: Ledger;
  readonly history: History;
  readonly places: CasePlaces;
}

/** Every broken promise; none for a case that went well. */
export async function findFaults(
  spec: CaseSpec,
  places: CasePlaces,
  { copy, canary }: CaseStage,
): Promise<readonly Fault[]> {
  const story: Story = {
    harm: harmOf(spec.plan),
    work: workload(spec.workload, places, copy.witness),
    ledger: readLedger(places.ledger),
    history: await readHistory(join(places.dataDir, 'state', 'store')),
    places,
  };
  const { harm, ledger, history } = story;
  return [
    ...(canary.harm === undefined ? [] : faultsOf('foreign', [canary.harm])),
    ...faultsOf('order', outOfOrder(history)),
    ...history.runs.flatMap((run) => faultsInRun(run, ledger, harm)),
    ...faultsOf('doubled', strangers(story)),
    ...notAsOften(story),
    ...faultsOf('stuck', unended(story)),
    ...faultsOf('lost', openBeside(story)),
    ...faultsOf('output', faultsInOutput(story)),
    ...leftOnDisk(story),
    ...faultsOf('litter', harm.keepsNetworks ? [] : leftOfNetworks(places)),
  ];
}

/** Positions 1 to n but for those that were removed, versions 1 to m in each stream. */
function outOfOrder({ events, damage, removedEvents }: History): readonly string[] {
  const wrong = events.findIndex(
    ({ position }, index) => position <= (events[index - 1]?.position ?? 0),
  );
  const missing = (events.at(-1)?.position ?? 0) - events.length;
  const versions = new Map<string, number>();
  const jumps = events.filter(({ stream, version }) => {
    const due = (versions.get(stream) ?? 0) + 1;
    versions.set(stream, version);
    return version !== due;
  });
  return [
    ...(wrong < 0 ? [] : [`position ${events[wrong]?.position} comes too late`]),
    ...(missing === removedEvents
      ? []
      : [`${missing} positions are missing, and ${removedEvents} were removed`]),
    ...jumps.map(({ stream, version }) => `${stream}: version ${version} came out of turn`),
    ...(damage === undefined ? [] : [`the store was damaged: ${damage}`]),
  ];
}

/** Programs that no start in the log accounts for, and runs that met an earlier one alive. */
function strangers({ ledger, history }: Story): readonly string[] {
  const known = new Set(history.runs.map(({ launchKey }) => launchKey));
  return [
    ...ledger.starts
      .filter(({ task, launchKey }) => !known.has(launchKey) && !isRemoved(history, task))
      .map(({ task, launchKey }) => `${task} ran as ${launchKey}, of which the log knows nothing`),
    ...ledger.overlaps.map(
      ({ task, launchKey }) => `${task} began as ${launchKey} while an earlier run lived`,
    ),
  ];
}

/** Where only agents and hosts were hurt, every task ran exactly as often as if nothing had been. */
function notAsOften({ harm, work, ledger }: Story): readonly Fault[] {
  if (!harm.isExact) return [];
  return Object.entries(work.runs).flatMap(([task, due]) => {
    const ran = ledger.starts.filter((start) => start.task === task).length;
    if (due === null || ran === due) return [];
    return faultsOf(ran < due ? 'lost' : 'doubled', [`${task} ran ${ran} times, not ${due}`]);
  });
}

function unended({ work, history }: Story): readonly string[] {
  const ended = new Set(
    history.events.filter(({ type }) => type === 'AllocStopped').map(({ stream }) => stream),
  );
  const open = Object.keys(work.groups).filter(
    (allocId) => !ended.has(`alloc/${allocId}`) && !history.removed.has(allocId),
  );
  return open.map((allocId) => `${allocId} has not ended`);
}

/** Every command beside a program that was recorded has one recorded end. */
function openBeside({ history }: Story): readonly string[] {
  const ends = new Map<unknown, number>();
  for (const { type, data } of history.events) {
    const { session } = data;
    if (type === 'SessionOpened') ends.set(session, 0);
    if (type === 'SessionClosed') ends.set(session, (ends.get(session) ?? NaN) + 1);
  }
  return [...ends]
    .filter(([, count]) => count !== 1)
    .map(([session, count]) => `session ${String(session)} was closed ${count} times`);
}

/** Directories of runs and FIFOs are back to nothing, what was removed is gone, and the foreign run is as it was. */
function leftOnDisk({ places, harm, history }: Story): readonly Fault[] {
  const state = join(places.dataDir, 'state');
  const known = new Set(history.events.map(({ stream }) => stream));
  const removed = [...history.removed]
    .filter((allocId) => !known.has(`alloc/${allocId}`))
    .flatMap((allocId) => [join('allocs', allocId), join('state', 'logs', allocId)]);
  const runs = readdirSync(join(state, 'run'));
  const left = [
    ...runs.filter((name) => name !== FOREIGN_KEY).map((name) => `run/${name}`),
    ...removed.filter((path) => existsSync(join(places.dataDir, path))),
    ...(harm.leavesFifos ? [] : readdirSync(join(state, 'fifo')).map((name) => `fifo/${name}`)),
  ];
  const foreign = runs.includes(FOREIGN_KEY) ? readdirSync(join(state, 'run', FOREIGN_KEY)) : [];
  const isWhole = foreign.toSorted().join() === 'fate,identity,intent';
  const touched = `the run directory of another instance holds ${foreign.join() || 'nothing'}`;
  return [...faultsOf('litter', left), ...(isWhole ? [] : faultsOf('foreign', [touched]))];
}
