/** The start of a confined program from the host's side: what is made before it, and what became of it on its way. */
import { chownSync } from 'node:fs';
import { ERROR_CODES, type ErrorCode, HoldfastError } from '../../errors.ts';
import { readConfinedStart } from '../../os/confined-start.ts';
import type { LaunchRequest } from '../../rpc/gen/holdfast/executor/v1/executor.ts';
import { type Confining, confiningChain, lastLimits, UNCONFINED } from './chain.ts';
import type { Run } from './run.ts';
import { prepareCgroup } from './run-cgroup.ts';

/**
 * Makes what must be there before the child begins: its cgroup, and FIFOs that it may open by itself, as runc does it.
 * Throws START_FAILED or RESOURCES_EXHAUSTED.
 */
export function prepareConfining(run: Run, request: LaunchRequest): Confining {
  const { confinement, launchKey, stdoutFifo, stderrFifo } = request;
  // A runtime makes its own cgroup, and hands the output over itself.
  if (confinement === undefined || confinement.isolation !== undefined) return UNCONFINED;
  const { cgroup, limits, user, oomScoreAdj } = confinement;
  const joins = prepareCgroup({ cgroup, launchKey }, limits);
  if (user !== undefined) {
    const fifos = [stdoutFifo, stderrFifo].filter((path) => path !== '/dev/null');
    for (const fifo of fifos) chownSync(fifo, user.uid, user.gid);
  }
  const chain = confiningChain(confinement, process.geteuid?.() ?? 0);
  const last = lastLimits(confinement);
  run.isConfined = chain.length + last.length > 0;
  return { joins, oomScoreAdj, chain, last };
}

/** With its identity on disk, unless there are steps between it and the program, any of which may fail. */
export function isUnderWay(run: Run): boolean {
  if (run.program === undefined) return false;
  if (!run.isConfined || run.end !== undefined) return true;
  return readConfinedStart(run.dir).is === 'entered';
}

/** Why a child that ended did not become the program, in the words of itself or of a tool on its way. */
export function refusalOf({ dir, end, program }: Run): HoldfastError | undefined {
  if (end?.is !== 'exited' || !(end.record.execFailed || program === undefined)) return undefined;
  const start = readConfinedStart(dir);
  if (start.is !== 'refused') return undefined;
  const code = Object.hasOwn(ERROR_CODES, start.code) ? (start.code as ErrorCode) : 'START_FAILED';
  return new HoldfastError(code, start.message);
}
