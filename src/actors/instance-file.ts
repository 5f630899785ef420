/** Who owns what on this machine: an identity made once per data directory, kept beside the store that may be lost. */
import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { HoldfastError } from '../errors.ts';
import type { EventLog } from '../log/event-log.ts';
import type { StoreClaim } from '../log/open-store.ts';
import {
  instancePath,
  originalOf,
  readInstance,
  writeInstance,
  type InstanceRecord,
} from '../os/instance-record.ts';
import { runDirOf, runKeys } from '../os/run-roots.ts';
import { readIntent } from '../os/run-directory.ts';

export type Instance = Pick<InstanceRecord, 'instanceId' | 'agentEpoch'>;

/**
 * Throws DATA_DIR_REFUSED for a copy of a data directory that is still there: both would take the same hosts and tasks
 * for theirs, and the first thing that a copy does is to fence off the agent of the original.
 */
export function refuseCopy(stateDir: string): void {
  const original = originalOf(stateDir);
  if (original === undefined) return;
  const [copy, first] = [dirname(stateDir), dirname(original)];
  const text = `${copy} is a copy of the data directory ${first}: an agent on it would take over the tasks of ${first}`;
  throw new HoldfastError(
    'DATA_DIR_REFUSED',
    `${text}. To look into it: holdfast store export --data-dir ${copy}. To use it instead, move ${first} away first`,
    { details: { copy, original: first } },
  );
}

/** Was an agent ever here? Told before its store is opened, which may be lost. */
export function wasUsed(stateDir: string): boolean {
  return existsSync(instancePath(stateDir));
}

/**
 * Why a store is another data directory's, by whose it says it is; undefined for the own one. Most is believed of what
 * was started here, then of the file that was written in this very place, then of the mark above the store. In doubt
 * it is foreign: nothing that another instance accepted may be started, and a store that is moved aside is not lost.
 */
export function strangeness(
  stateDir: string,
  { instanceId: claimed, isMarked }: StoreClaim,
): string | undefined {
  const kept = readInstance(stateDir);
  if (claimed === undefined || claimed === kept?.instanceId) return undefined;
  const ofRuns = ownerOfRuns(stateDir);
  if (claimed === ofRuns) return undefined;
  const text = `it is the store of another data directory, of instance ${claimed}`;
  if (isAtHome(stateDir, kept)) return `${text}, and this is ${kept.instanceId}`;
  if (isMarked === true) return undefined;
  if (ofRuns !== undefined) return `${text}, and what was started here is of ${ofRuns}`;
  return isMarked === false ? `${text}: another store was here last` : undefined;
}

/** It was written where it is now. The first release did not say where. */
function isAtHome(stateDir: string, kept: InstanceRecord | undefined): kept is InstanceRecord {
  return kept !== undefined && (kept.stateDir ?? realpathSync(stateDir)) === realpathSync(stateDir);
}

/**
 * Reads or makes the identity and counts the agent epoch up, in the file and in the store, which is known to be the own
 * one. Where both are damaged, or the file came from elsewhere, the files of the runs tell: under another identity
 * everything that runs would be a stranger's, and be started again.
 */
export function takeInstance(stateDir: string, log: EventLog): Instance {
  const kept = readInstance(stateDir);
  const stored = log.getMeta('instanceId');
  const sure = stored ?? (isAtHome(stateDir, kept) ? kept.instanceId : undefined);
  const known = sure ?? ownerOfRuns(stateDir) ?? kept?.instanceId;
  const instanceId = known ?? randomBytes(16).toString('hex');
  const storedEpoch = Number(log.getMeta('agentEpoch') ?? 0);
  const last = Math.max(kept?.agentEpoch ?? 0, Number.isSafeInteger(storedEpoch) ? storedEpoch : 0);
  const isCounted = instanceId === stored || instanceId === kept?.instanceId;
  // Hosts that have seen agents which nobody counts any more listen to a number that none of those can have had.
  const isLost = known !== undefined && (last === 0 || !isCounted);
  const agentEpoch = isLost ? Math.max(last + 1, Math.floor(Date.now() / 1_000)) : last + 1;
  const own = { instanceId, agentEpoch };
  writeInstance(stateDir, own);
  // crash point: agent.open.epoch-filed
  log.setMeta('instanceId', instanceId);
  log.setMeta('agentEpoch', String(agentEpoch));
  // crash point: agent.open.epoch-stored
  return own;
}

/** Whom most of the run files name; undefined when there are none. */
function ownerOfRuns(stateDir: string): string | undefined {
  const votes = new Map<string, number>();
  for (const launchKey of runKeys(stateDir)) {
    const intent = readIntent(runDirOf(stateDir, launchKey));
    if (intent.is !== 'whole') continue;
    const { instanceId } = intent.value;
    votes.set(instanceId, (votes.get(instanceId) ?? 0) + 1);
  }
  return [...votes].sort(([, a], [, b]) => b - a)[0]?.[0];
}
