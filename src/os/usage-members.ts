/** Whose each process is, where no cgroup says so: one look at the process table for all runs. */
import { readdirSync } from 'node:fs';
import { kernelText, type ReadText } from './kernel-text.ts';
import { isDeadState } from './proc-stat.ts';
import { parseProcessUse, type SeenProcess } from './usage-process.ts';

/** A run as far as its processes can be told from others. */
export interface Marked {
  readonly key: string;
  readonly mark: string;
  readonly program: { readonly pid: number; readonly startTime: string };
}

const MARK = /\0HOLDFAST_MARK=([^\0]*)\0/;

/** Remembers the marks of processes that it has seen: an environment is read once. */
export class MarkMemory {
  #marks = new Map<string, string>();

  /** Of all living processes; what is not among them is forgotten. Pid 1 and whoever hides his has none. */
  marksOf(table: readonly SeenProcess[], read: ReadText = kernelText): ReadonlyMap<number, string> {
    const marks = new Map<string, string>();
    const byPid = new Map<number, string>();
    for (const { pid, startTime } of table) {
      const identity = `${pid} ${startTime}`;
      const mark = this.#marks.get(identity) ?? markOf(pid, read);
      marks.set(identity, mark);
      if (mark !== '') byPid.set(pid, mark);
    }
    this.#marks = marks;
    return byPid;
  }
}

function markOf(pid: number, read: ReadText): string {
  if (pid === 1) return '';
  return MARK.exec(`\0${read(`/proc/${pid}/environ`) ?? ''}\0`)?.[1] ?? '';
}

/** Every living process that started at `since` clock ticks or later. */
export function readTable(
  since: number,
  pageBytes: number,
  read: ReadText = kernelText,
): SeenProcess[] {
  const table: SeenProcess[] = [];
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return table;
  }
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    const text = read(`/proc/${name}/stat`);
    const seen = text === undefined ? undefined : parseProcessUse(text, pageBytes);
    if (seen === undefined || isDeadState(seen.state)) continue;
    if (Number(seen.startTime) >= since) table.push(seen);
  }
  return table;
}

/**
 * The processes of each run by its key: the program; who is in its session or group; who carries the mark; and whoever
 * descends from one of these. Best effort: one that leaves all of them behind is not counted.
 */
export function membersOf(
  runs: readonly Marked[],
  table: readonly SeenProcess[],
  marks: ReadonlyMap<number, string>,
): ReadonlyMap<string, readonly SeenProcess[]> {
  const byPid = new Map(table.map((seen) => [seen.pid, seen]));
  const ofProgram = new Map<number, string>();
  for (const { key, program } of runs) {
    if (byPid.get(program.pid)?.startTime === program.startTime) ofProgram.set(program.pid, key);
  }
  const ofMark = new Map(runs.map(({ key, mark }) => [mark, key]));
  const known = new Map<number, string | undefined>();
  const ownerOf = (seen: SeenProcess | undefined): string | undefined => {
    if (seen === undefined) return undefined;
    if (known.has(seen.pid)) return known.get(seen.pid);
    // Set first: the table was not read in one moment, so that parents may form a ring.
    known.set(seen.pid, undefined);
    const owner =
      ofProgram.get(seen.pid) ??
      ofProgram.get(seen.session) ??
      ofProgram.get(seen.processGroup) ??
      ofMark.get(marks.get(seen.pid) ?? '') ??
      ownerOf(byPid.get(seen.parentPid));
    known.set(seen.pid, owner);
    return owner;
  };
  const members = new Map<string, SeenProcess[]>(runs.map(({ key }) => [key, []]));
  for (const seen of table) {
    const owner = ownerOf(seen);
    if (owner !== undefined) members.get(owner)?.push(seen);
  }
  return members;
}
