/** Stopping a run that this host cannot watch: its files do not say enough, its mark and the machine say the rest. */
import { dirname } from 'node:path';
import { HoldfastError } from '../../errors.ts';
import { cgroupOfRun, machineCgroups } from '../../os/cgroup-layout.ts';
import { markOf } from '../../os/launch-key.ts';
import { makeBelow } from '../../os/make-below.ts';
import { readIntent, tryAbort } from '../../os/run-directory.ts';
import type { StopRequest, StopResponse } from '../../rpc/gen/holdfast/executor/v1/executor.ts';
import type { ShimSource } from './launch.ts';
import { Run } from './run.ts';
import { stopTree } from './stop.ts';

type Here = Pick<ShimSource, 'instanceId' | 'machineEpoch'>;

/** The machine was started anew since: whatever the run was, nothing of it lives, and no abort may hide that it was. */
export function isOfAnotherEpoch(dir: string, { machineEpoch }: Here): boolean {
  const intent = readIntent(dir);
  return intent.is === 'whole' && intent.value.machineEpoch !== machineEpoch;
}

/** Launched once, and nothing can be read that tells when. What lives of it carries its mark. Throws UNAVAILABLE. */
export async function stopByMark(
  request: StopRequest,
  dir: string,
  here: Here,
): Promise<StopResponse> {
  const answer = await stopMarked(request, dir, here);
  if (answer.outcome?.$case === 'stuck') return answer;
  // Before its first instruction a program has no mark: it may come yet.
  throw unreadable(dir);
}

/**
 * No launch is on disk and the host knows of no program: any of the files may have been damaged or removed under a
 * living one, whose mark still tells. When nothing carries the mark, the start is aborted.
 */
export async function stopUnlaunched(
  request: StopRequest,
  dir: string,
  here: Here,
): Promise<StopResponse> {
  const answer = await stopMarked(request, dir, here);
  if (answer.outcome?.$case === 'stuck') return answer;
  // crash point: executor.stop.unlaunched
  makeBelow(dirname(dirname(dir)), dir);
  if (tryAbort(dir, 'host: stopped before it was launched')) {
    return { outcome: { $case: 'aborted', value: {} } };
  }
  throw unreadable(dir);
}

/** Ends whatever carries the mark of the run. */
function stopMarked(
  request: StopRequest,
  dir: string,
  { instanceId, machineEpoch }: Here,
): Promise<StopResponse> {
  const { launchKey } = request;
  const run = new Run(launchKey, dir, markOf(instanceId, launchKey));
  run.cgroup = cgroupOfRun(machineCgroups().parent, instanceId, launchKey);
  return stopTree(run, request.steps, machineEpoch);
}

function unreadable(dir: string): HoldfastError {
  return new HoldfastError('UNAVAILABLE', `${dir} cannot be read, or is being written`);
}
