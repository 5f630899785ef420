/**
 * Does anything run that nobody stands by? Every process on this machine that carries a mark, and every run directory,
 * is held against the log. Works without a store, and without anything but the id of the instance.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { tornSpec } from '../actors/saved-spec.ts';
import type { Layout } from '../layout.ts';
import { markedProcesses, worksBelow, type MarkedProcess } from '../os/marked-processes.ts';
import { readFate, readIdentity, readIntent } from '../os/run-directory.ts';
import { runDirOf, runKeys } from '../os/run-roots.ts';
import { counted, failure, fine, warning, type Finding } from './finding.ts';
import type { StoreReading } from './store-reading.ts';

export interface RunsKnown {
  readonly layout: Layout;
  readonly instanceId: string | undefined;
  readonly hasAgent: boolean;
  readonly reading: StoreReading | undefined;
}

export function runs(known: RunsKnown): readonly Finding[] {
  const { processes, isComplete } = markedProcesses();
  const keys = runKeys(known.layout.stateDir);
  const owner = known.instanceId ?? ownerOf(known.layout, keys);
  const own = byKey(processes.filter(({ instanceId }) => instanceId === owner));
  const orphans = [...own].flatMap(([launchKey, pids]) => orphan(known, launchKey, pids));
  return [
    ...living(own.size, orphans.length, known.hasAgent),
    ...orphans,
    ...withoutFiles(known, own),
    ...damagedFiles(known, own),
    ...forgotten(known, keys, own),
    ...foreign(processes, owner, known.layout),
    ...(isComplete ? [] : [warning('marks', 'not every process could be looked at')]),
  ];
}

/** The files of the runs name their instance too. */
function ownerOf({ stateDir }: Layout, keys: readonly string[]): string | undefined {
  const intents = keys.map((key) => readIntent(runDirOf(stateDir, key)));
  const owners = intents.flatMap((intent) =>
    intent.is === 'whole' ? intent.value.instanceId : [],
  );
  return new Set(owners).size === 1 ? owners[0] : undefined;
}

function byKey(processes: readonly MarkedProcess[]): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const { launchKey, pid } of processes) {
    found.set(launchKey, [...(found.get(launchKey) ?? []), pid]);
  }
  return found;
}

function living(all: number, orphans: number, hasAgent: boolean): readonly Finding[] {
  if (all === 0) return [fine('runs', 'none is alive')];
  const count = all - orphans;
  if (count === 0) return [];
  const text = `${counted(count, 'run')} alive and known to the log`;
  if (hasAgent) return [fine('runs', text)];
  return [warning('runs', `${text}, and no agent stands by`, 'start an agent: it adopts them')];
}

function orphan(known: RunsKnown, launchKey: string, pids: readonly number[]): readonly Finding[] {
  const reason = strangeness(known, launchKey);
  if (reason === undefined) return [];
  const message = `run ${launchKey} is alive (pid ${pids.join(', ')}) and ${reason}`;
  return [failure('orphan', message, fateOf(known, launchKey))];
}

/** What becomes of an orphan: it can be adopted only by its files. */
function fateOf({ hasAgent, layout }: RunsKnown, launchKey: string): string {
  const intent = readIntent(runDirOf(layout.stateDir, launchKey));
  const allocId = intent.is === 'whole' ? intent.value.allocId : undefined;
  const torn = allocId === undefined ? undefined : tornSpec(layout.specDir, allocId);
  if (torn !== undefined) {
    return `${torn} cannot be read, so nobody ends it: run its spec again with alloc id ${allocId} and it is adopted, or remove that file and it is ended by the next agent that opens`;
  }
  if (hasAgent) return 'the agent adopts or ends it; if it stays, see its log';
  return allocId === undefined
    ? 'put its files back from a backup: an agent ends what it cannot adopt'
    : 'start an agent on this data directory: it adopts what is wanted and ends the rest';
}

/** Runs that the log knows and that nobody can follow to their end any more. */
function withoutFiles(
  known: RunsKnown,
  own: ReadonlyMap<string, readonly number[]>,
): readonly Finding[] {
  const { layout, hasAgent, reading } = known;
  return [...own].flatMap(([launchKey, pids]) => {
    const isGone = !existsSync(runDirOf(layout.stateDir, launchKey));
    if (!isGone || strangeness(known, launchKey) !== undefined) return [];
    const name = reading?.runs.get(launchKey)?.slice('task/'.length) ?? launchKey;
    const text = `the files of ${name} are gone (run ${launchKey}, pid ${pids.join(', ')}): how it ends cannot be known`;
    const remedy = hasAgent
      ? `holdfast restart ${name}`
      : 'an agent ends what it cannot follow, and starts its task anew';
    return [failure('run files', text, remedy)];
  });
}

/** An agent takes the mark of such a run for its word; what the files alone say of its end may be lost. */
function damagedFiles(
  { layout, hasAgent, reading }: RunsKnown,
  own: ReadonlyMap<string, readonly number[]>,
): readonly Finding[] {
  return [...own].flatMap(([launchKey, pids]) => {
    const dir = runDirOf(layout.stateDir, launchKey);
    const files = { intent: readIntent(dir), fate: readFate(dir), identity: readIdentity(dir) };
    const bad = Object.entries(files).flatMap(([name, { is }]) =>
      is === 'broken' || is === 'unreadable' ? [name] : [],
    );
    if (bad.length === 0) return [];
    const name = reading?.runs.get(launchKey)?.slice('task/'.length) ?? launchKey;
    const text = `${bad.join(', ')} of ${name} (run ${launchKey}, pid ${pids.join(', ')}) cannot be read or are not what was written: it goes on, and how it ends may not be known`;
    const remedy = hasAgent
      ? `holdfast restart ${name}`
      : 'start an agent: it knows it by its mark';
    return [failure('run files', text, remedy)];
  });
}

/** Why nobody would stand by a run; undefined for the newest run of a live task. */
function strangeness({ reading, layout }: RunsKnown, launchKey: string): string | undefined {
  if (reading === undefined) return `there is no log to tell about it${told(layout, launchKey)}`;
  const stream = reading.runs.get(launchKey);
  if (stream === undefined) return `unknown to the log${told(layout, launchKey)}`;
  const task = reading.tasks.get(stream)?.state;
  const name = stream.slice('task/'.length);
  if (task === undefined) return `its task ${name} cannot be read from the log`;
  if (task.value === 'dead') return `its task ${name} is over`;
  return task.context.launch?.launchKey === launchKey
    ? undefined
    : `a newer run of its task ${name} took its place`;
}

function told({ stateDir, specDir }: Layout, launchKey: string): string {
  const intent = readIntent(runDirOf(stateDir, launchKey));
  if (intent.is !== 'whole') return '; nothing tells whose it is';
  const { allocId, task, run } = intent.value;
  const isSaved = existsSync(join(specDir, `${allocId}.json`));
  const group = isSaved ? 'whose spec is saved' : 'of which no spec is saved';
  return `; its files name it run ${run} of ${allocId}/${task}, ${group}`;
}

/** Files of runs that are not alive and that the log has not heard of. */
function forgotten(
  { reading, hasAgent }: RunsKnown,
  keys: readonly string[],
  own: ReadonlyMap<string, unknown>,
): readonly Finding[] {
  const unknown = keys.filter((key) => !own.has(key) && reading?.runs.has(key) !== true);
  if (unknown.length === 0) return [];
  const text = `${counted(unknown.length, 'directory', 'directories')} of runs that are neither alive nor in the log`;
  const remedy = hasAgent
    ? 'the agent removes them within a minute; what is left then is of another instance, or cannot be read'
    : 'an agent sorts them';
  return [warning('run files', `${text}: ${unknown.slice(0, 3).join(', ')}`, remedy)];
}

/** What is not ours is never touched; where nothing tells what is ours, somebody should know of it. */
function foreign(
  processes: readonly MarkedProcess[],
  owner: string | undefined,
  { dataDir, stateDir }: Layout,
): readonly Finding[] {
  const others = processes.filter(({ instanceId }) => instanceId !== owner);
  return [...new Set(others.map(({ instanceId }) => instanceId))].flatMap((instanceId) => {
    const all = others.filter((one) => one.instanceId === instanceId);
    const here = all.filter(({ pid }) => worksBelow(dataDir, pid)).map(({ pid }) => pid);
    const away = all.length - here.length;
    return [
      ...(here.length === 0 ? [] : [lost(here, instanceId, dataDir)]),
      ...(away === 0
        ? []
        : [stranger(away, instanceId, owner === undefined && existsSync(stateDir))]),
    ];
  });
}

/** Programs of a data directory whose state is gone or was made anew: only where they work tells whose they are. */
function lost(pids: readonly number[], instanceId: string, dataDir: string): Finding {
  const text = `${counted(pids.length, 'process', 'processes')} of instance ${instanceId} (pid ${pids.join(', ')}) in ${dataDir}, whose state does not know of them: no agent will`;
  const remedy = `put ${dataDir}/state back from a backup before an agent starts, or end them: kill -9 ${pids.join(' ')}`;
  return failure('lost runs', text, remedy);
}

function stranger(count: number, instanceId: string, isUncertain: boolean): Finding {
  const text = `${counted(count, 'process', 'processes')} of instance ${instanceId}`;
  return isUncertain
    ? warning('foreign runs', `${text}: nothing tells whether it is this data directory's`)
    : fine('foreign runs', `${text}, another data directory's: never touched`);
}
