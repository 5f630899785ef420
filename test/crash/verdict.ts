/** What is wrong after a case: the ledger of the programs and the log of the agent must tell the same story. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseSpec, CaseStage } from './case.ts';
import { FOREIGN_KEY } from './canary.ts';
import { harmOf, type Harm } from './harm.ts';
import { readHistory, type History, type RunHistory } from './history.ts';
import { derivedCode, readLedger, type Ledger } from './ledger.ts';
import { faultsInOutput } from './output.ts';
import type { CasePlaces } from './plan.ts';
import { workload, type Workload } from './workloads.ts';

export interface Story {
  readonly harm: Harm;
  readonly work: Workload;
  readonly ledger: Ledger;
  readonly history: History;
  readonly places: CasePlaces;
}

/** Every broken promise, in words; empty for a case that went well. */
export async function findFaults(
  spec: CaseSpec,
  places: CasePlaces,
  { copy, canary }: CaseStage,
): Promise<readonly string[]> {
  const story: Story = {
    harm: harmOf(spec.plan),
    work: workload(spec.workload, places, copy.witness),
    ledger: readLedger(places.ledger),
    history: await readHistory(join(places.dataDir, 'state', 'store')),
    places,
  };
  const { harm } = canary;
  return [
    ...(harm === undefined ? [] : [harm]),
    ...inOrder(story),
    ...story.history.runs.flatMap((run) => faultsInRun(run, story)),
    ...strangers(story),
    ...notAsOften(story),
    ...unended(story),
    ...faultsInOutput(story),
    ...leftOnDisk(story),
  ];
}

/** Positions 1 to n, versions 1 to m in each stream. */
function inOrder({ history }: Story): readonly string[] {
  const faults: string[] = [];
  const versions = new Map<string, number>();
  for (const [index, event] of history.events.entries()) {
    if (event.position !== index + 1) {
      faults.push(`position ${event.position} where ${index + 1} was due`);
      break;
    }
    const due = (versions.get(event.stream) ?? 0) + 1;
    versions.set(event.stream, event.version);
    if (event.version !== due) faults.push(`${event.stream}: version ${event.version}, not ${due}`);
  }
  if (history.damage !== undefined) faults.push(`the store was damaged: ${history.damage}`);
  return faults;
}

/** What the shim's child exits with where an error is injected. */
const REFUSED_CODE = 74;

const ENDS = ['TaskExited', 'TaskLost', 'TaskStartFailed'];

function faultsInRun(run: RunHistory, { ledger, harm }: Story): readonly string[] {
  const faults: string[] = [];
  const name = `${run.task} run ${run.run}`;
  const of = (type: string) => run.events.filter((event) => event.type === type);
  const starts = ledger.starts.filter(({ launchKey }) => launchKey === run.launchKey);
  const own = ledger.ends.find(({ launchKey }) => launchKey === run.launchKey);
  const ends = run.events.filter(({ type }) => ENDS.includes(type));
  if (starts.length > 1) faults.push(`${name} was launched ${starts.length} times`);
  if (of('TaskStarted').length > 1) faults.push(`${name} has two TaskStarted`);
  if (ends.length > 1) faults.push(`${name} has ${ends.length} ends`);
  const hasBegun = starts.length > 0 || of('TaskStarted').length > 0;
  if (hasBegun && ends.length === 0) faults.push(`${name} has no end`);
  const [started] = of('TaskStarted');
  const [witness] = starts;
  if (started !== undefined && witness !== undefined) {
    const { pid, startTime } = started.data;
    if (pid !== witness.pid || startTime !== witness.startTime) {
      faults.push(`${name} is recorded with pid ${String(pid)} and ran with ${witness.pid}`);
    }
  }
  const [end] = ends;
  if (end === undefined) return faults;
  const wasKilled = of('TaskKilling').length > 0;
  const { exitCode, signal, maybeRan } = end.data;
  if (end.type === 'TaskStartFailed' && starts.length > 0) {
    faults.push(`${name} ran and is recorded as never started`);
  } else if (end.type === 'TaskLost') {
    if (!harm.mayLose) faults.push(`${name} is lost: ${String(end.data['reason'])}`);
    if (maybeRan === false && starts.length > 0) faults.push(`${name} ran, and TaskLost denies it`);
  } else if (end.type === 'TaskExited' && exitCode !== null) {
    const isRefusal = harm.refusesPrograms && starts.length === 0 && exitCode === REFUSED_CODE;
    if (!isRefusal && own?.exitCode !== exitCode) {
      faults.push(
        `${name}: exit code ${JSON.stringify(exitCode)}, and it ended with ${own?.exitCode ?? 'nothing'}`,
      );
    }
  } else if (end.type === 'TaskExited' && !(wasKilled || harm.killsPrograms)) {
    faults.push(`${name}: ended by ${String(signal)} and nobody killed it`);
  }
  if (own !== undefined && own.exitCode !== 0 && own.exitCode !== derivedCode(run.launchKey)) {
    faults.push(`${name}: the ledger itself is wrong`);
  }
  return faults;
}

/** Programs that no start in the log accounts for, and runs that met an earlier one alive. */
function strangers({ ledger, history }: Story): readonly string[] {
  const known = new Set(history.runs.map(({ launchKey }) => launchKey));
  const unknown = ledger.starts.filter(({ launchKey }) => !known.has(launchKey));
  return [
    ...unknown.map(
      ({ task, launchKey }) => `${task} ran under ${launchKey}, of which the log knows nothing`,
    ),
    ...ledger.overlaps.map(
      ({ task, launchKey }) => `${task} began as ${launchKey} while an earlier run lived`,
    ),
  ];
}

/** Where only agents and hosts were hurt, every task ran exactly as often as if nothing had been. */
function notAsOften({ harm, work, ledger }: Story): readonly string[] {
  if (!harm.isExact) return [];
  return Object.entries(work.runs).flatMap(([task, due]) => {
    const ran = ledger.starts.filter((start) => start.task === task).length;
    return due === null || ran === due ? [] : [`${task} ran ${ran} times, not ${due}`];
  });
}

function unended({ work, history }: Story): readonly string[] {
  return Object.keys(work.groups).flatMap((allocId) => {
    const stream = `alloc/${allocId}`;
    const isStopped = history.events.some(
      (event) => event.stream === stream && event.type === 'AllocStopped',
    );
    return isStopped ? [] : [`${allocId} has not ended`];
  });
}

/** Directories of runs and FIFOs are back to nothing, and the foreign run is as it was. */
function leftOnDisk({ places, harm }: Story): readonly string[] {
  const state = join(places.dataDir, 'state');
  const runs = readdirSync(join(state, 'run'));
  const left = [
    ...runs.filter((name) => name !== FOREIGN_KEY).map((name) => `run/${name}`),
    ...(harm.keepsOutput ? [] : readdirSync(join(state, 'fifo')).map((name) => `fifo/${name}`)),
  ];
  const foreign = runs.includes(FOREIGN_KEY) ? readdirSync(join(state, 'run', FOREIGN_KEY)) : [];
  return [
    ...left.map((name) => `${name} was left behind`),
    ...(foreign.toSorted().join() === 'fate,identity,intent'
      ? []
      : [`the run directory of another instance was touched: ${foreign.join()}`]),
  ];
}
