/** What programs write goes through pipes of their shims: does anybody read them? A full one stops its program. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Layout } from '../layout.ts';
import { isAlive } from '../os/process-identity.ts';
import { runDirOf, runKeys } from '../os/run-roots.ts';
import { namesIn } from '../os/quiet-reads.ts';
import { launchedShim, readFate, readIntent } from '../os/run-directory.ts';
import { hostDirectory, readAddress } from '../rpc/address-file.ts';
import { failure, type Finding } from './finding.ts';
import { removedFiles, stuckOutput, waitingBytes } from './stuck-output.ts';

/** A logmon host that was lost just now is being replaced: a run counts that has none at the second look too. */
const SECOND_LOOK_MS = 2_000;

/** Of a data directory with an agent; without one nothing is lost, and the next agent sees to it. */
export async function output(layout: Layout, epoch: string): Promise<readonly Finding[]> {
  const since = Date.now();
  const waiting = waitingBytes(layout);
  const first = await uncollected(layout, epoch);
  const removed = removedFiles(layout, await collectors(layout.stateDir, epoch));
  if (first.length + waiting.size + removed.length === 0) return [];
  await delay(SECOND_LOOK_MS);
  const second = new Set(await uncollected(layout, epoch));
  const lost = first.filter((launchKey) => second.has(launchKey));
  return [
    ...lost.map((key) => finding(layout, key)),
    // Of what nobody collects it was said.
    ...(lost.length > 0 ? [] : stuckOutput(layout, waiting, since)),
    // Full ones that were rotated away are open for a moment, on their way to the disk.
    ...removedFiles(layout, await collectors(layout.stateDir, epoch)).filter(({ message }) =>
      removed.some((one) => one.message === message),
    ),
  ];
}

function finding({ stateDir }: Layout, launchKey: string): Finding {
  const intent = readIntent(runDirOf(stateDir, launchKey));
  const { allocId, task } =
    intent.is === 'whole' ? intent.value : { allocId: launchKey, task: '?' };
  const name = `${allocId}/${task}`;
  const text = `nobody collects what ${name} writes: it stands still as soon as a pipe is full`;
  const logs = join(stateDir, 'logs', allocId);
  const remedy = `see why in the agent's log and whether ${logs} is there, or holdfast restart ${name}`;
  return failure('output', text, remedy);
}

/** Launch keys of runs whose shim holds a pipe that no living logmon host has open. */
async function uncollected(layout: Layout, epoch: string): Promise<readonly string[]> {
  const read = new Set<string>();
  for (const pid of await collectors(layout.stateDir, epoch)) {
    for (const fd of namesIn(`/proc/${pid}/fd`)) read.add(pipeAt(`/proc/${pid}/fd/${fd}`) ?? '');
  }
  return runKeys(layout.stateDir).filter((launchKey) => {
    const shim = launchedShim(readFate(runDirOf(layout.stateDir, launchKey)));
    if (shim === undefined || isAlive({ ...shim, machineEpoch: epoch }, epoch) !== 'alive')
      return false;
    const pipes = SHIM_PIPES.map((fd) => pipeAt(`/proc/${shim.pid}/fd/${fd}`));
    return pipes.some((pipe) => pipe !== undefined && !read.has(pipe));
  });
}

/** Where a shim holds its two FIFOs (`shim.ts`). */
const SHIM_PIPES = [3, 4];

async function collectors(stateDir: string, epoch: string): Promise<readonly number[]> {
  const ids = namesIn(join(stateDir, 'hosts'));
  const found = await Promise.all(ids.map((id) => readAddress(hostDirectory(stateDir, id))));
  return found.flatMap((host) =>
    host?.kind === 'logmon' && isAlive(host, epoch) === 'alive' ? [host.pid] : [],
  );
}

/** Which FIFO a descriptor is; undefined for anything else, and for one that cannot be looked at. */
function pipeAt(place: string): string | undefined {
  try {
    const file = statSync(place);
    return file.isFIFO() ? `${file.dev}:${file.ino}` : undefined;
  } catch {
    return undefined;
  }
}
