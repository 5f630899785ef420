/** Looks at one container: whether it is ours, and which process of this machine it is. */
import { uptime } from 'node:os';
import type { ContainerFacts, Engine } from '../../engine/engine.ts';
import type { ProcessFacts } from '../../machines/task-messages.ts';
import { isInCgroupNamed } from '../../os/cgroup-member.ts';
import { readProcStat } from '../../os/process-identity.ts';
import type { RunRequest } from '../driver.ts';
import type { RunClaims } from '../run-claims.ts';
import { OWN_LABELS } from './config.ts';
import { containerName, ownLabels } from './container-body.ts';
import type { Found } from './container-sight.ts';

/** Throws EngineError when the engine does not say. */
export async function findContainer(
  engine: Engine,
  run: RunRequest,
  instanceId: string,
): Promise<Found> {
  const facts = await engine.inspectContainer(containerName(run.launchKey));
  if (facts === undefined) return { is: 'absent' };
  const own = Object.entries(ownLabels(run, instanceId));
  const isOurs = own.every(([label, value]) => facts.labels[label] === value);
  return { is: isOurs ? 'ours' : 'foreign', facts };
}

/** Without what all labels of ours begin with. */
export function hasLabels(
  facts: ContainerFacts,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([name, value]) => facts.labels[OWN_LABELS + name] === value);
}

/** As it was noted when it was started; else as it is, while it lives. */
export function processOf(
  { id, state }: ContainerFacts,
  notes: readonly string[],
  { engine, claims }: { readonly engine: Engine; readonly claims: RunClaims },
): ProcessFacts | undefined {
  const noted = notes.findLast((note) => note.startsWith(PROCESS));
  if (noted !== undefined) return JSON.parse(noted.slice(PROCESS.length)) as ProcessFacts;
  const { pid, startedAt } = state;
  if (pid <= 0 || startedAt === undefined) return undefined;
  const own = engine.isLocal && isInCgroupNamed(pid, id) ? readProcStat(pid) : undefined;
  // Of a pid that is not this machine's nothing may be looked up: this start time is nobody's here.
  const startTime = own === undefined || own === 'unknown' ? `at ${startedAt}` : own.startTime;
  return { pid, startTime, machineEpoch: claims.machineEpoch, startedAt };
}

const PROCESS = 'process ';

export function processNote(facts: ProcessFacts): string {
  return PROCESS + JSON.stringify(facts);
}

/** When the machine was booted since the start was recorded; undefined: it was not, or the engine is elsewhere. */
export function bootedAt(
  { isLocal }: Engine,
  run: RunRequest,
  { machineEpoch }: Pick<RunClaims, 'machineEpoch'>,
): number | undefined {
  const isSame = (run.machineEpoch ?? machineEpoch) === machineEpoch;
  return isSame || !isLocal ? undefined : Date.now() - uptime() * 1_000;
}
