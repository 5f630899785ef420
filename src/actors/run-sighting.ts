/** What the files of a run and the process table say, as evidence for the decision. */
import { HoldfastError } from '../errors.ts';
import type { RunOutcome, RunSighting } from '../drivers/driver.ts';
import { isOfKill } from '../os/cgroup-oom.ts';
import { readConfinedStart } from '../os/confined-start.ts';
import { gatherEvidence, type Evidence as Seen } from '../os/evidence.ts';
import { runDirectory } from '../os/run-directory.ts';
import { refusedExec } from './executor-words.ts';
import { wasOutOfMemory } from './run-cgroups.ts';

/** A run as the log names it. */
export interface LookedFor {
  readonly launchKey: string;
  readonly mark: string;
  /** The path that its cgroup has if it has one. */
  readonly cgroup: string;
  /** The machine epoch in which its start was recorded. */
  readonly runEpoch: string | undefined;
}

/** Looks once. Throws UNAVAILABLE (retryable) when a file of the run could not be read: unknown decides nothing. */
export function lookAtRun(
  stateDir: string,
  machineEpoch: string,
  { launchKey, mark, cgroup, runEpoch }: LookedFor,
): RunSighting {
  const runDir = runDirectory(stateDir, launchKey);
  const seen = gatherEvidence({ runDir, machineEpoch, mark, cgroup, runEpoch });
  const { epoch, dir, claim, fate, exit, tree } = seen;
  if (dir === 'unknown' || fate === 'unknown' || exit === 'unknown') {
    throw new HoldfastError('UNAVAILABLE', `the files of run ${launchKey} cannot be read`);
  }
  const { identity } = seen;
  return {
    evidence: { epoch, dir, claim, fate, exit, tree },
    outcome: outcomeOf(seen, seen.intent?.cgroup ?? cgroup, runDir),
    process: identity && {
      pid: identity.pid,
      startTime: identity.startTime,
      machineEpoch: identity.machineEpoch,
      startedAt: Math.round(identity.startedAtMs),
    },
  };
}

function outcomeOf({ exitRecord }: Seen, cgroup: string, runDir: string): RunOutcome | undefined {
  if (exitRecord === undefined) return undefined;
  const { exitCode, signal, execFailed, exitedAtMs } = exitRecord;
  const exitedAt = Math.round(exitedAtMs);
  if (execFailed) return refusedExec(exitCode ?? 127, exitedAt, readConfinedStart(runDir));
  const oomKilled = isOfKill(exitRecord) && wasOutOfMemory(cgroup);
  return { kind: 'exited', exit: { exitCode, signal, oomKilled, exitedAt } };
}
