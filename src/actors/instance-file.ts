/** Who owns what on this machine: an identity made once per data directory, kept beside the store that may be lost. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';
import type { EventLog } from '../log/event-log.ts';
import { replaceFile } from '../os/atomic-file.ts';

export interface Instance {
  /** 128 bits, hexadecimal. */
  readonly instanceId: string;
  /** One more than the last agent's. Hosts refuse an older one, so it must survive a lost store too. */
  readonly agentEpoch: number;
}

/** Reads or makes the identity and counts the agent epoch up, in the file and in the store. */
export function takeInstance(stateDir: string, log: EventLog): Instance {
  const path = join(stateDir, 'instance.json');
  const kept = readInstance(path);
  const instanceId =
    kept.instanceId ?? log.getMeta('instanceId') ?? randomBytes(16).toString('hex');
  const agentEpoch = Math.max(kept.agentEpoch, Number(log.getMeta('agentEpoch') ?? 0)) + 1;
  replaceFile(path, `${JSON.stringify({ instanceId, agentEpoch })}\n`, { durable: true });
  // crash point: agent.open.epoch-filed
  log.setMeta('instanceId', instanceId);
  log.setMeta('agentEpoch', String(agentEpoch));
  // crash point: agent.open.epoch-stored
  return { instanceId, agentEpoch };
}

function readInstance(path: string): { instanceId: string | undefined; agentEpoch: number } {
  try {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as Partial<Record<string, unknown>>;
    const { instanceId, agentEpoch } = kept;
    return {
      instanceId: typeof instanceId === 'string' && instanceId !== '' ? instanceId : undefined,
      agentEpoch: Number.isSafeInteger(agentEpoch) ? (agentEpoch as number) : 0,
    };
  } catch (error) {
    if (errnoOf(error) !== undefined && errnoOf(error) !== 'ENOENT') throw error;
    return { instanceId: undefined, agentEpoch: 0 };
  }
}
