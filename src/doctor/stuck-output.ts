/** Output that waits in the pipes of its tasks because it cannot be written, and files of output that were removed. */
import { accessSync, constants, lstatSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';
import { type Layout, logsRootOf } from '../layout.ts';
import { taskKey } from '../os/launch-key.ts';
import { runDirOf, runKeys } from '../os/run-roots.ts';
import { linkOf, namesIn } from '../os/quiet-reads.ts';
import { readIntent } from '../os/run-directory.ts';
import { bytesUnread } from '../os/unread-fifo.ts';
import { failure, type Finding, sizeText, warning } from './finding.ts';

/** Bytes that are in the pipe of a stream, by the name of the pipe. */
export type Waiting = ReadonlyMap<string, number>;

export function waitingBytes({ fifoDir }: Layout): Waiting {
  const found = namesIn(fifoDir).map((name) => [name, bytesUnread(join(fifoDir, name))] as const);
  return new Map(found.filter(([, bytes]) => bytes > 0));
}

/** `since` was the first look, in milliseconds since 1970: what was written to a file since is on its way. */
export function stuckOutput(layout: Layout, before: Waiting, since: number): readonly Finding[] {
  const tasks = tasksOf(layout);
  return [...waitingBytes(layout)].flatMap(([name, bytes]) => {
    const [, key = name, ending] = /^(.*)\.(out|err)$/.exec(name) ?? [];
    const task = tasks.get(key);
    const stream = ending === 'err' ? 'stderr' : 'stdout';
    if (bytes < (before.get(name) ?? Infinity)) return [];
    if (task !== undefined && lastWrite(task, stream) >= since) return [];
    const whose = task === undefined ? key : `${task.allocId}/${task.task}`;
    const { why, remedy } = obstacle(task?.dir ?? logsRootOf(layout));
    const text = `${sizeText(bytes)} of the ${stream} of ${whose} wait in its pipe: ${why}`;
    return [failure('output', text, remedy)];
  });
}

interface Task {
  readonly allocId: string;
  readonly task: string;
  readonly dir: string;
}

/** By what their pipes are called. */
function tasksOf(layout: Layout): ReadonlyMap<string, Task> {
  const tasks = new Map<string, Task>();
  for (const launchKey of runKeys(layout.stateDir)) {
    const intent = readIntent(runDirOf(layout.stateDir, launchKey));
    if (intent.is !== 'whole') continue;
    const { allocId, task } = intent.value;
    tasks.set(taskKey(allocId, task), { allocId, task, dir: join(logsRootOf(layout), allocId) });
  }
  return tasks;
}

function lastWrite({ dir, task }: Task, stream: string): number {
  const names = namesIn(dir).filter((name) => name.startsWith(`${task}.${stream}.`));
  const times = names.map((name) => lstatSync(join(dir, name), { throwIfNoEntry: false })?.mtimeMs);
  return Math.max(0, ...times.map((time) => time ?? 0));
}

function obstacle(dir: string): { readonly why: string; readonly remedy: string } {
  try {
    if (!lstatSync(dir).isDirectory()) throw Object.assign(new Error(dir), { code: 'ENOTDIR' });
    accessSync(dir, constants.W_OK | constants.X_OK);
    const { bavail, ffree } = statfsSync(dir);
    if (bavail > 0 && ffree > 0) {
      return { why: 'nobody writes it to its files', remedy: 'see host.log of the logmon host' };
    }
    return { why: `there is no room for ${dir}`, remedy: 'make room on its disk' };
  } catch (error) {
    const why = `${dir} cannot be written to (${errnoOf(error) ?? String(error)})`;
    return { why, remedy: 'see that it is a directory, and that the agent may write to it' };
  }
}

/** Files of output that these processes have open and that nobody finds by a name any more. */
export function removedFiles(layout: Layout, pids: readonly number[]): readonly Finding[] {
  const places = pids.flatMap((pid) =>
    namesIn(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`) ?? ''),
  );
  const removed = places.filter(
    (place) => place.startsWith(`${logsRootOf(layout)}/`) && isRemovedOutput(place),
  );
  const remedy = 'nothing: another file is begun within seconds, and what is missing is said';
  return removed.map((place) =>
    warning(
      'output',
      `${place.slice(0, -' (deleted)'.length)} was removed as it was written`,
      remedy,
    ),
  );
}

function isRemovedOutput(place: string): boolean {
  return /\.std(?:out|err)\.\d+ \(deleted\)$/.test(place);
}
