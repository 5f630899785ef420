/** `state/instance.json`: whose a data directory is, who wrote there last, and where it was then. */
import { realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { replaceFile } from './atomic-file.ts';
import { readPlainFile } from './plain-file.ts';

export interface InstanceRecord {
  /** 128 bits, hexadecimal. */
  readonly instanceId: string;
  /** One more than the last agent's. Hosts refuse an older one, so it must survive a lost store too. */
  readonly agentEpoch: number;
  /** Where the file was when it was written, absolute and without links. The first release did not say. */
  readonly stateDir?: string;
}

export function instancePath(stateDir: string): string {
  return join(stateDir, 'instance.json');
}

/** Durable and atomic. Throws what the system says. */
export function writeInstance(stateDir: string, own: Omit<InstanceRecord, 'stateDir'>): void {
  const kept = { ...own, check: checkOf(own), stateDir: realpathSync(stateDir) };
  replaceFile(instancePath(stateDir), `${JSON.stringify(kept)}\n`, { durable: true });
}

/**
 * Undefined when the file is missing or is not what was written. The first release wrote no `check`. Throws what the
 * system says of a file that cannot be read at all.
 */
export function readInstance(stateDir: string): InstanceRecord | undefined {
  const found = readPlainFile(instancePath(stateDir));
  if (found.is !== 'text') return undefined;
  try {
    const kept = JSON.parse(found.text) as Partial<InstanceRecord & { check: number }>;
    const { instanceId, agentEpoch, check, stateDir: place } = kept;
    if (typeof instanceId !== 'string' || instanceId === '') return undefined;
    if (typeof agentEpoch !== 'number' || !Number.isSafeInteger(agentEpoch)) return undefined;
    const own = { instanceId, agentEpoch };
    if (check !== undefined && check !== checkOf(own)) return undefined;
    return typeof place === 'string' ? { ...own, stateDir: place } : own;
  } catch {
    return undefined;
  }
}

/** Without the place: a version that knows nothing of it would take the file for damaged. */
function checkOf({ instanceId, agentEpoch }: InstanceRecord): number {
  return crc32(`${instanceId} ${agentEpoch}`);
}

/**
 * The state directory that this one is a copy of: it was written elsewhere, and there is still one of the same identity
 * there. A directory that was moved, or is seen through a link or a mount, is no copy; nor is one that cannot be read.
 */
export function originalOf(stateDir: string): string | undefined {
  try {
    const own = readInstance(stateDir);
    const there = own?.stateDir;
    if (there === undefined || there === realpathSync(stateDir)) return undefined;
    if (readInstance(there)?.instanceId !== own?.instanceId) return undefined;
    return isSamePlace(there, stateDir) ? undefined : there;
  } catch {
    return undefined;
  }
}

function isSamePlace(one: string, other: string): boolean {
  const [left, right] = [statSync(one), statSync(other)];
  return left.dev === right.dev && left.ino === right.ino;
}
