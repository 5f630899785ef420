import { closeSync, constants, openSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';
import { createOnce, replaceFile } from './atomic-file.ts';
import { type ExitRecord, exitOfContainer, parseExitRecord } from './exit-record.ts';
import { isLaunchKey } from './launch-key.ts';
import { containerCode } from './oci-files.ts';
import { readPlainFile } from './plain-file.ts';
import { parseProcStat } from './proc-stat.ts';
import type { Life } from './process-identity.ts';

/**
 * The files of one run, `<stateDir>/run/<launchKey>/`. Together they tell a stranger what happened:
 *   intent    what was to be started, written by the host before the shim
 *   fate      `launch` and the shim that may start the program, or `abort`; one winner, for ever
 *   life      a FIFO that the shim holds for as long as it lives
 *   identity  the program's line of /proc/<pid>/stat, written before its first instruction
 *   confined  how far a confined child came on its way to the program (confined-start.ts)
 *   exit      how it ended
 *   collect   how the output of its task is collected, for hosts that stand in for an agent (collect-file.ts)
 *   oci/      what belongs to a container (oci-files.ts)
 * All but `life` say what they say twice, so that a byte that rots is not believed; those of the first release do not.
 */
export interface Intent {
  readonly protocol: 1;
  readonly instanceId: string;
  readonly allocId: string;
  readonly task: string;
  readonly run: number;
  readonly token: string;
  readonly mark: string;
  readonly machineEpoch: string;
  readonly specHash: string;
  /** Path of the run's cgroup below every mount point; absent: it has none. */
  readonly cgroup?: string;
}

/** A process as a shell wrote it down, which machine epoch it belongs to being said by `intent`. */
export interface RecordedProcess {
  readonly pid: number;
  readonly startTime: string;
  /** Wall-clock milliseconds of the writing. */
  readonly writtenAtMs: number;
}

/** One file: not there, not whole, not readable, or its content. */
export type Found<T> =
  | { readonly is: 'absent' }
  | { readonly is: 'broken' }
  | { readonly is: 'unreadable'; readonly reason: string }
  | { readonly is: 'whole'; readonly value: T };

export type Fate =
  | { readonly verdict: 'launch'; readonly shim: RecordedProcess }
  | { readonly verdict: 'abort'; readonly who: string };

export interface RecordedExit extends ExitRecord {
  /** Wall-clock milliseconds of the writing, which follows the end at once. */
  readonly exitedAtMs: number;
}

/** Throws INTERNAL for a text that is no launch key: nothing else may become part of a path. */
export function runDirectory(stateDir: string, launchKey: string): string {
  if (!isLaunchKey(launchKey)) {
    throw new HoldfastError('INTERNAL', `${JSON.stringify(launchKey)} is not a launch key`);
  }
  return join(stateDir, 'run', launchKey);
}

/** Never holds arguments or environment. Not synced: after a power cut the machine epoch is another one anyway. */
export function writeIntent(dir: string, intent: Intent): void {
  const text = JSON.stringify({ ...intent, again: intent });
  replaceFile(join(dir, 'intent'), `${text}\n`, { durable: false });
}

function readFound<T>(
  path: string,
  parse: (text: string, stats: Stats) => T | undefined,
): Found<T> {
  try {
    const found = readPlainFile(path);
    if (found.is === 'absent') return found;
    const value = found.is === 'text' ? parse(found.text, found.stats) : undefined;
    return value === undefined ? { is: 'broken' } : { is: 'whole', value };
  } catch (error) {
    return { is: 'unreadable', reason: messageOf(error) };
  }
}

export function readIntent(dir: string): Found<Intent> {
  return readFound(join(dir, 'intent'), parseIntent);
}

function parseIntent(text: string): Intent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { again, ...intent } = value as Partial<Record<keyof Intent | 'again', unknown>>;
  if (again !== undefined && JSON.stringify(again) !== JSON.stringify(intent)) return undefined;
  const { protocol, run, cgroup, ...others } = intent;
  const { instanceId, allocId, task, token, mark, machineEpoch, specHash } = others;
  const texts = [instanceId, allocId, task, token, mark, machineEpoch, specHash];
  // A name that is unknown may be a known one that has rotted.
  if (protocol !== 1 || Object.keys(others).length !== texts.length) return undefined;
  if (!texts.every((text) => typeof text === 'string')) return undefined;
  if (!['string', 'undefined'].includes(typeof cgroup)) return undefined;
  return Number.isSafeInteger(run) ? (intent as unknown as Intent) : undefined;
}

/** The last line must be ended: a shell writes all by one write, and a part of it is nothing. */
function parseProcess(text: string, { mtimeMs }: Stats): RecordedProcess | undefined {
  const [line = ''] = text.split('\n', 1);
  const isWhole = text === `${line}\nagain ${line}\n` || text === `${line}\n`;
  const stat = isWhole && WHOLE_STAT.test(line) ? parseProcStat(line) : undefined;
  return stat && { pid: stat.pid, startTime: stat.startTime, writtenAtMs: mtimeMs };
}

/** A line of /proc/<pid>/stat with the 19 numbers to the start time, and more. */
const WHOLE_STAT = /^\d+ \(.*\) [A-Za-z](?: -?\d+){19,}$/;

export function readIdentity(dir: string): Found<RecordedProcess> {
  return readFound(join(dir, 'identity'), parseProcess);
}

/** An empty or partial `fate` is 'broken': its shim died while it wrote, or is about to write. */
export function readFate(dir: string): Found<Fate> {
  return readFound(join(dir, 'fate'), (text, stats): Fate | undefined => {
    const abort = /^abort (.*)\n$/.exec(text);
    if (abort) return { verdict: 'abort', who: abort[1] ?? '' };
    if (!text.startsWith('launch ')) return undefined;
    const shim = parseProcess(text.slice('launch '.length), stats);
    return shim && { verdict: 'launch', shim };
  });
}

/** The shim that won the launch; undefined when none did, or nobody can say. */
export function launchedShim(fate: Found<Fate>): RecordedProcess | undefined {
  return fate.is === 'whole' && fate.value.verdict === 'launch' ? fate.value.shim : undefined;
}

/**
 * Blanks are the room that a shim keeps for what it will write. What it did not write of a container, which outlives
 * its shim, its conmon has: that counts only with an identity, because one that was never let go ends by force.
 */
export function readExit(dir: string): Found<RecordedExit> {
  const written = readShimExit(dir);
  if (written.is !== 'absent') return written;
  try {
    const told = containerCode(dir);
    if (told === undefined || readIdentity(dir).is !== 'whole') return written;
    if (told === 'broken') return { is: 'broken' };
    const value = { ...exitOfContainer(told.code), exitedAtMs: told.writtenAtMs };
    return { is: 'whole', value };
  } catch (error) {
    return { is: 'unreadable', reason: messageOf(error) };
  }
}

function readShimExit(dir: string): Found<RecordedExit> {
  const found = readFound(join(dir, 'exit'), (text, stats): RecordedExit | 'blank' | undefined => {
    if (text.trim() === '') return 'blank';
    const record = parseExitRecord(text);
    return record && { ...record, exitedAtMs: stats.mtimeMs };
  });
  if (found.is !== 'whole') return found;
  return found.value === 'blank' ? { is: 'absent' } : { is: 'whole', value: found.value };
}

/**
 * Does anybody hold `life`? Opening its writing end without waiting fails with ENXIO exactly when nobody has it open
 * for reading, as a shim has. A host that watches has it open too, so that 'alive' only means "do not conclude".
 */
export function lifeOf(dir: string): Life {
  return holderOf(join(dir, 'life'));
}

/** Does conmon live that made, or makes, the container of this run? It holds `oci/sync`, and nobody else does. */
export function conmonLife(dir: string): Life {
  return holderOf(join(dir, 'oci', 'sync'));
}

function holderOf(fifo: string): Life {
  try {
    closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
    return 'alive';
  } catch (error) {
    const errno = errnoOf(error);
    return errno === 'ENXIO' || errno === 'ENOENT' ? 'dead' : 'unknown';
  }
}

/**
 * Makes sure that a run which was not launched never will be. True when it is aborted, now or before; false when a
 * shim won, or when nobody can say yet. One caller wins, by link(2).
 */
export function tryAbort(dir: string, who: string): boolean {
  const path = join(dir, 'fate');
  const text = `abort ${who.replaceAll('\n', ' ')}\n`;
  if (createOnce(path, text)) return true;
  const fate = readFate(dir);
  if (fate.is === 'whole') return fate.value.verdict === 'abort';
  // A shim made the file and died before it wrote into it. It starts nothing before that, no other shim can win a file
  // that exists, and it holds `life` from before it made the file: when nobody does, the verdict is free.
  if (fate.is !== 'broken' || lifeOf(dir) !== 'dead') return false;
  const again = readFate(dir);
  if (again.is !== 'broken') return again.is === 'whole' && again.value.verdict === 'abort';
  replaceFile(path, text, { durable: true });
  return true;
}
