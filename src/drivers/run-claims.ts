/**
 * Who may begin a run whose program is no process of ours: files of `run/<launchKey>/`. Of all who want to start or
 * abort it one wins, by link(2), and who he is stands in the file: another takes his place only when he is proved dead,
 * or not at it any more. What is unknown is nobody's to take.
 */
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError } from '../errors.ts';
import { createOnce, replaceFile } from '../os/atomic-file.ts';
import { readPlainFile } from '../os/plain-file.ts';
import { parseProcStat } from '../os/proc-stat.ts';
import { isAlive, ownIdentity } from '../os/process-identity.ts';
import { readIntent, runDirectory, writeIntent } from '../os/run-directory.ts';
import type { RunRequest } from './driver.ts';

export interface Claim {
  readonly dir: 'none' | 'partial' | 'whole';
  readonly fate: 'none' | 'launch' | 'abort';
  /** Is whoever won the launch at it? `idle`: proved that he is not, and never will be again. */
  readonly maker: 'none' | 'busy' | 'idle' | 'unknown';
  /** What was noted of the run, in order. */
  readonly notes: readonly string[];
}

/** All calls may be repeated. Errors: UNAVAILABLE when a file cannot be read or written: unknown decides nothing. */
export interface RunClaims {
  readonly instanceId: string;
  readonly machineEpoch: string;
  look(run: RunRequest): Claim;
  /**
   * `won`: nobody else begins it until `leave`. `aborted`: nobody ever will. `held`: somebody is at it, or may be.
   */
  claim(run: RunRequest): 'won' | 'aborted' | 'held';
  /** Whoever has won is not at it any more. */
  leave(run: RunRequest): void;
  /** Written before what it says is done. */
  note(run: RunRequest, word: string): void;
  /** `held`: as above. What is done about a run that was begun is for the caller to know. */
  abort(run: RunRequest): 'aborted' | 'held';
}

/** Runs that somebody in this process is at, whichever copy of this package he uses. */
const BUSY = Symbol.for('holdfast.claims');
const held = globalThis as { [BUSY]?: Set<string> };

export class FileClaims implements RunClaims {
  readonly instanceId: string;
  readonly machineEpoch: string;
  readonly #stateDir: string;

  constructor(of: {
    readonly stateDir: string;
    readonly instanceId: string;
    readonly machineEpoch: string;
  }) {
    this.instanceId = of.instanceId;
    this.machineEpoch = of.machineEpoch;
    this.#stateDir = of.stateDir;
  }

  look(run: RunRequest): Claim {
    const dir = this.#dir(run);
    const intent = readIntent(dir);
    const text = textOf(join(dir, 'claim'));
    const notes = textOf(join(dir, 'notes')) ?? '';
    const isThere = intent.is !== 'absent' || text !== undefined;
    return {
      dir: intent.is === 'whole' ? 'whole' : isThere ? 'partial' : 'none',
      fate: fateOf(text),
      maker: this.#makerOf(dir, text),
      // What was cut off was not done.
      notes: notes.split('\n').slice(0, -1),
    };
  }

  claim(run: RunRequest): 'won' | 'aborted' | 'held' {
    const dir = this.#made(run);
    const path = join(dir, 'claim');
    if (busy().has(dir)) return 'held';
    if (!createOnce(path, this.#own())) {
      const { fate, maker } = this.look(run);
      if (fate === 'abort') return 'aborted';
      if (maker !== 'idle') return 'held';
      replaceFile(path, this.#own(), { durable: true });
    }
    busy().add(dir);
    return 'won';
  }

  leave(run: RunRequest): void {
    busy().delete(this.#dir(run));
  }

  note(run: RunRequest, word: string): void {
    appendFileSync(join(this.#made(run), 'notes'), `${word}\n`, { mode: 0o600 });
  }

  abort(run: RunRequest): 'aborted' | 'held' {
    const dir = this.#made(run);
    const path = join(dir, 'claim');
    if (busy().has(dir)) return 'held';
    if (createOnce(path, ABORT)) return 'aborted';
    const { fate, maker } = this.look(run);
    if (fate === 'abort') return 'aborted';
    if (maker !== 'idle') return 'held';
    replaceFile(path, ABORT, { durable: true });
    return 'aborted';
  }

  #dir(run: Pick<RunRequest, 'launchKey'>): string {
    return runDirectory(this.#stateDir, run.launchKey);
  }

  /** With what tells a stranger whose run it is. */
  #made(run: RunRequest): string {
    const dir = this.#dir(run);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    if (readIntent(dir).is === 'whole') return dir;
    const { allocId, task, token, mark, specHash } = run;
    const { instanceId } = this;
    // In which the run was recorded: of another one every pid is void.
    const machineEpoch = run.machineEpoch ?? this.machineEpoch;
    const of = { instanceId, allocId, task: task.name, run: run.run, token, mark };
    writeIntent(dir, { protocol: 1, ...of, machineEpoch, specHash });
    return dir;
  }

  #own(): string {
    const line = readFileSync('/proc/self/stat', 'latin1').trimEnd();
    return `launch ${this.machineEpoch} ${line}\n`;
  }

  #makerOf(dir: string, text: string | undefined): Claim['maker'] {
    const [, epoch, line] = /^launch (\S+) (.*)\n$/s.exec(text ?? '') ?? [];
    if (text === undefined || text === ABORT) return 'none';
    const stat = line === undefined ? undefined : parseProcStat(line);
    if (stat === undefined || epoch === undefined) return 'unknown';
    if (busy().has(dir)) return 'busy';
    const { pid, startTime } = stat;
    const own = ownIdentity(this.machineEpoch);
    const isOwn = epoch === own.machineEpoch && pid === own.pid && startTime === own.startTime;
    if (isOwn) return 'idle';
    const life = isAlive({ pid, startTime, machineEpoch: epoch }, this.machineEpoch);
    return life === 'alive' ? 'busy' : life === 'dead' ? 'idle' : 'unknown';
  }
}

const ABORT = 'abort\n';

function busy(): Set<string> {
  return (held[BUSY] ??= new Set());
}

function fateOf(text: string | undefined): Claim['fate'] {
  if (text === undefined) return 'none';
  return text === ABORT ? 'abort' : 'launch';
}

function textOf(path: string): string | undefined {
  try {
    const found = readPlainFile(path);
    if (found.is === 'text') return found.text;
    if (found.is === 'absent') return undefined;
  } catch (cause) {
    throw new HoldfastError('UNAVAILABLE', `${path} cannot be read`, { cause });
  }
  throw new HoldfastError('UNAVAILABLE', `${path} is no file`);
}
