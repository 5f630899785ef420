import { existsSync } from 'node:fs';
import { isAlive, type Life, type ProcessIdentity } from './process-identity.ts';
import { treeLife } from './process-tree.ts';
import {
  conmonLife,
  type Fate,
  type Found,
  type Intent,
  lifeOf,
  readExit,
  readFate,
  readIdentity,
  readIntent,
  type RecordedExit,
  type RecordedProcess,
} from './run-directory.ts';

/** What a run's directory and the process table say. Whatever could not be looked up is `unknown`, never a guess. */
export interface Evidence {
  /** `changed`: the machine or its container was started anew since, and every pid is void. */
  readonly epoch: 'same' | 'changed';
  /** `partial`: a directory without a whole intent. `unknown`: it could not be read. */
  readonly dir: 'none' | 'partial' | 'whole' | 'unknown';
  /** The shim that `fate` names. */
  readonly claim: 'none' | Life;
  readonly fate: 'none' | 'launch' | 'abort' | 'unknown';
  readonly exit: 'none' | 'valid' | 'corrupt' | 'unknown';
  /** Everything that can be proved to be of the run. */
  readonly tree: Life;
  readonly intent?: Intent;
  readonly shim?: ProcessIdentity;
  /** The program. */
  readonly identity?: ProcessIdentity & { readonly startedAtMs: number };
  readonly exitRecord?: RecordedExit;
}

export interface EvidenceRequest {
  /** From `runDirectory`. */
  readonly runDir: string;
  /** The machine epoch of now. */
  readonly machineEpoch: string;
  /** The mark that the run's processes carry, for a directory whose intent is not readable. */
  readonly mark?: string;
  /** The cgroup that the run would have, for a directory whose intent is not readable. */
  readonly cgroup?: string;
  /** The machine epoch of the run, for a directory that was lost with the power. */
  readonly runEpoch?: string | undefined;
}

/** Looks at everything once; scans the process table, which takes some milliseconds. Never throws. */
export function gatherEvidence(request: EvidenceRequest): Evidence {
  const { runDir, machineEpoch } = request;
  const found = {
    intent: readIntent(runDir),
    fate: readFate(runDir),
    identity: readIdentity(runDir),
  };
  const intent = valueOf(found.intent);
  const fate = valueOf(found.fate);
  const program = valueOf(found.identity);
  const epochOfRun = intent?.machineEpoch ?? request.runEpoch ?? machineEpoch;
  const shim = fate?.verdict === 'launch' ? identityOf(fate.shim, epochOfRun) : undefined;
  const identity = program && {
    ...identityOf(program, epochOfRun),
    startedAtMs: program.writtenAtMs,
  };
  const mark = intent?.mark ?? request.mark;
  const cgroup = intent === undefined ? request.cgroup : intent.cgroup;
  const isSame = epochOfRun === machineEpoch;
  const run = { runDir, identity, shim, mark, cgroup };
  const tree = isSame ? treeOf(found.identity, run, machineEpoch) : 'dead';
  // A fate is written before its program: where that lives, one that says nothing is damaged and was a launch.
  const wasLaunch = found.fate.is === 'broken' && tree === 'alive';
  const claim = wasLaunch ? lifeOf(runDir) : claimOf(found.fate, shim, runDir, machineEpoch);
  // Who writes it ends after that: read when it is known who lives, it is missed by nobody.
  const exit = readExit(runDir);
  const exitRecord = valueOf(exit);
  return {
    epoch: isSame ? 'same' : 'changed',
    dir: dirOf(runDir, found.intent),
    claim,
    fate: wasLaunch ? 'launch' : fateOf(found.fate),
    exit: exitOf(exit),
    tree,
    ...(intent && { intent }),
    ...(shim && { shim }),
    ...(identity && { identity }),
    ...(exitRecord && { exitRecord }),
  };
}

function valueOf<T>(found: Found<T>): T | undefined {
  return found.is === 'whole' ? found.value : undefined;
}

function identityOf(recorded: RecordedProcess, machineEpoch: string): ProcessIdentity {
  return { pid: recorded.pid, startTime: recorded.startTime, machineEpoch };
}

function dirOf(runDir: string, intent: Found<Intent>): Evidence['dir'] {
  if (intent.is === 'whole') return 'whole';
  if (intent.is === 'unreadable') return 'unknown';
  return existsSync(runDir) ? 'partial' : 'none';
}

function fateOf(fate: Found<Fate>): Evidence['fate'] {
  if (fate.is === 'whole') return fate.value.verdict;
  return fate.is === 'unreadable' ? 'unknown' : 'none';
}

function exitOf(exit: Found<RecordedExit>): Evidence['exit'] {
  const words = {
    absent: 'none',
    broken: 'corrupt',
    unreadable: 'unknown',
    whole: 'valid',
  } as const;
  return words[exit.is];
}

/**
 * A `fate` that is not whole names nobody; its shim lives as long as somebody holds `life`. When a shim was killed, its
 * conmon stands for it.
 */
function claimOf(
  fate: Found<Fate>,
  shim: ProcessIdentity | undefined,
  runDir: string,
  machineEpoch: string,
): Evidence['claim'] {
  if (shim !== undefined) {
    const life = isAlive(shim, machineEpoch);
    return life === 'dead' ? conmonLife(runDir) : life;
  }
  if (fate.is === 'unreadable') return 'unknown';
  if (fate.is === 'broken') return lifeOf(runDir) === 'dead' ? 'dead' : 'unknown';
  return 'none';
}

/** The child of a shim has neither an identity nor a mark at first, but it holds `life` until it is the program. */
function treeOf(
  found: Found<RecordedProcess>,
  run: {
    runDir: string;
    identity: ProcessIdentity | undefined;
    shim: ProcessIdentity | undefined;
    mark: string | undefined;
    cgroup: string | undefined;
  },
  machineEpoch: string,
): Life {
  if (found.is === 'unreadable') return 'unknown';
  const isNameless = run.mark === undefined && run.identity === undefined;
  if (isNameless && (run.cgroup ?? '') === '') return 'dead';
  const since = run.identity?.startTime ?? run.shim?.startTime;
  const { identity: program, mark, cgroup } = run;
  const seen = treeLife({ program, mark, cgroup, since }, machineEpoch);
  const isUnseen = seen === 'dead' && program === undefined && run.shim !== undefined;
  return isUnseen && lifeOf(run.runDir) !== 'dead' ? 'unknown' : seen;
}
