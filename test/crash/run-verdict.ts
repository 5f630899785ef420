/** What is wrong with one run, by what its program wrote and what the agent recorded. */
import { faultsOf, type Fault } from './fault.ts';
import type { Harm } from './harm.ts';
import type { HistoryEvent, RunHistory } from './history.ts';
import { derivedCode, type Ledger, type LedgerEnd, type LedgerStart } from './ledger.ts';

/** What the shim's child exits with where an error is injected. */
const REFUSED_CODE = 74;

const ENDS = ['TaskExited', 'TaskLost', 'TaskStartFailed'];

export function faultsInRun(run: RunHistory, ledger: Ledger, harm: Harm): readonly Fault[] {
  const name = `${run.task} run ${run.run}`;
  const starts = ledger.starts.filter(({ launchKey }) => launchKey === run.launchKey);
  const own = ledger.ends.find(({ launchKey }) => launchKey === run.launchKey);
  const recorded = run.events.filter(({ type }) => type === 'TaskStarted');
  const ends = run.events.filter(({ type }) => ENDS.includes(type));
  const [end] = ends;
  const wasKilled = run.events.some(({ type }) => type === 'TaskKilling');
  return [
    ...doubled(name, [starts.length, recorded.length, ends.length]),
    ...(end === undefined && (starts.length > 0 || recorded.length > 0)
      ? faultsOf('lost', [`${name} has no end`])
      : []),
    ...(harm.forgesPids ? [] : mistaken(name, recorded[0], starts[0])),
    ...(end === undefined ? [] : wrongEnd(name, end, { starts, own, wasKilled, harm })),
    ...(own === undefined || [0, derivedCode(run.launchKey)].includes(own.exitCode)
      ? []
      : faultsOf('rig', [`${name}: the ledger itself is wrong`])),
  ];
}

function doubled(name: string, [launches, starts, ends]: readonly number[]): readonly Fault[] {
  const said: readonly (readonly [number | undefined, string])[] = [
    [launches, 'was launched'],
    [starts, 'was recorded as started'],
    [ends, 'has ended'],
  ];
  return said.flatMap(([times = 0, text]) =>
    times > 1 ? faultsOf('doubled', [`${name} ${text} ${times} times`]) : [],
  );
}

function mistaken(
  name: string,
  recorded: HistoryEvent | undefined,
  witness: LedgerStart | undefined,
): readonly Fault[] {
  if (recorded === undefined || witness === undefined) return [];
  const { pid, startTime } = recorded.data;
  if (pid === witness.pid && startTime === witness.startTime) return [];
  const text = `${name} is recorded with pid ${JSON.stringify(pid)} and ran with ${witness.pid}`;
  return faultsOf('invented', [text]);
}

interface Facts {
  readonly starts: readonly LedgerStart[];
  readonly own: LedgerEnd | undefined;
  readonly wasKilled: boolean;
  readonly harm: Harm;
}

function wrongEnd(name: string, end: HistoryEvent, facts: Facts): readonly Fault[] {
  const { starts, own, wasKilled, harm } = facts;
  const { exitCode, signal, maybeRan, reason } = end.data;
  const hasRun = starts.length > 0;
  if (end.type === 'TaskStartFailed') {
    return hasRun ? faultsOf('invented', [`${name} ran and is recorded as never started`]) : [];
  }
  if (end.type === 'TaskLost') {
    const denied = maybeRan === false && hasRun;
    return [
      ...(harm.mayLose ? [] : faultsOf('lost', [`${name} is lost: ${reason as string}`])),
      ...(denied ? faultsOf('invented', [`${name} ran, and TaskLost denies it`]) : []),
    ];
  }
  if (exitCode === null) {
    if (wasKilled || harm.killsPrograms) return [];
    return faultsOf('invented', [`${name}: ended by ${signal as string}, and nobody killed it`]);
  }
  const isRefusal = harm.refusesPrograms && !hasRun && exitCode === REFUSED_CODE;
  if (isRefusal || own?.exitCode === exitCode) return [];
  const text = `exit code ${exitCode as number}, and it ended with ${own?.exitCode ?? 'nothing'}`;
  return faultsOf('invented', [`${name}: ${text}`]);
}
