/** Who owns what on this machine: an identity made once per data directory, kept beside the store that may be lost. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { EventLog } from '../log/event-log.ts';
import { replaceFile } from '../os/atomic-file.ts';
import { readPlainFile } from '../os/plain-file.ts';
import { readIntent } from '../os/run-directory.ts';

export interface Instance {
  /** 128 bits, hexadecimal. */
  readonly instanceId: string;
  /** One more than the last agent's. Hosts refuse an older one, so it must survive a lost store too. */
  readonly agentEpoch: number;
}

/** Was an agent ever here? Told before its store is opened, which may be lost. */
export function wasUsed(stateDir: string): boolean {
  return existsSync(pathOf(stateDir));
}

/**
 * Reads or makes the identity and counts the agent epoch up, in the file and in the store. Where both are damaged the
 * files of the runs tell: under another identity everything that runs would be a stranger's, and be started again.
 */
export function takeInstance(stateDir: string, log: EventLog): Instance {
  const kept = readInstance(stateDir);
  const stored = log.getMeta('instanceId');
  const ofRuns = kept === undefined && stored === undefined ? ownerOfRuns(stateDir) : undefined;
  const instanceId = kept?.instanceId ?? stored ?? ofRuns ?? randomBytes(16).toString('hex');
  const storedEpoch = Number(log.getMeta('agentEpoch') ?? 0);
  const last = Math.max(kept?.agentEpoch ?? 0, Number.isSafeInteger(storedEpoch) ? storedEpoch : 0);
  // Hosts that have seen agents which nobody counts any more listen to a number that none of those can have had.
  const agentEpoch = last === 0 && ofRuns !== undefined ? Math.floor(Date.now() / 1_000) : last + 1;
  const own = { instanceId, agentEpoch };
  const text = JSON.stringify({ ...own, check: checkOf(own) });
  replaceFile(pathOf(stateDir), `${text}\n`, { durable: true });
  // crash point: agent.open.epoch-filed
  log.setMeta('instanceId', instanceId);
  log.setMeta('agentEpoch', String(agentEpoch));
  // crash point: agent.open.epoch-stored
  return own;
}

function pathOf(stateDir: string): string {
  return join(stateDir, 'instance.json');
}

function checkOf({ instanceId, agentEpoch }: Instance): number {
  return crc32(`${instanceId} ${agentEpoch}`);
}

/** Undefined when the file is missing or is not what was written. The first release wrote no `check`. */
function readInstance(stateDir: string): Instance | undefined {
  const found = readPlainFile(pathOf(stateDir));
  if (found.is !== 'text') return undefined;
  try {
    const kept = JSON.parse(found.text) as Partial<Instance & { check: number }>;
    const { instanceId, agentEpoch, check } = kept;
    if (typeof instanceId !== 'string' || instanceId === '') return undefined;
    if (typeof agentEpoch !== 'number' || !Number.isSafeInteger(agentEpoch)) return undefined;
    const own = { instanceId, agentEpoch };
    return check === undefined || check === checkOf(own) ? own : undefined;
  } catch {
    return undefined;
  }
}

/** Whom most of the run files name; undefined when there are none. */
function ownerOfRuns(stateDir: string): string | undefined {
  const runDir = join(stateDir, 'run');
  const votes = new Map<string, number>();
  for (const launchKey of readdirSync(runDir)) {
    const intent = readIntent(join(runDir, launchKey));
    if (intent.is !== 'whole') continue;
    const { instanceId } = intent.value;
    votes.set(instanceId, (votes.get(instanceId) ?? 0) + 1);
  }
  return [...votes].sort(([, a], [, b]) => b - a)[0]?.[0];
}
