/** Whose a data directory says it is. */
import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Layout } from '../layout.ts';
import { instancePath, originalOf, readInstance } from '../os/instance-record.ts';
import { failure, fine, warning, type Finding } from './finding.ts';

export interface InstanceOnDisk {
  readonly id: string | undefined;
  readonly fault: string | undefined;
}

export function readInstanceId({ stateDir }: Layout): InstanceOnDisk {
  try {
    const id = readInstance(stateDir)?.instanceId;
    if (id !== undefined) return { id, fault: undefined };
    const isHere = lstatSync(instancePath(stateDir), { throwIfNoEntry: false }) !== undefined;
    return { id, fault: isHere ? 'it is not what was written' : 'it is missing' };
  } catch (error) {
    return { id: undefined, fault: messageOf(error) };
  }
}

/** An agent refuses it; whatever else is found here is the original's. */
export function copyFinding({ dataDir, stateDir }: Layout): readonly Finding[] {
  const original = originalOf(stateDir);
  if (original === undefined) return [];
  const text = `${dataDir} is a copy of ${dirname(original)}, which is still there: no agent opens it, what runs is the original's`;
  return [
    failure('copy', text, 'ask about the original, or move the original away to use the copy'),
  ];
}

/** `storedId` is whose the store says it is, when there is one and it is no other directory's. */
export function instanceFinding(
  { stateDir }: Layout,
  { id, fault }: InstanceOnDisk,
  storedId: string | undefined,
): Finding {
  const check = 'instance';
  const file = 'state/instance.json';
  if (id === undefined && storedId !== undefined) {
    const text = `${storedId}, as the store says: ${file} cannot be read (${fault})`;
    return warning(check, text, 'the next agent that opens writes it anew');
  }
  if (id === undefined) {
    const text = `${file} cannot be read (${fault}): without it and the store, what runs is a stranger's`;
    return warning(check, text, 'put it back from a backup before an agent starts');
  }
  if (storedId === undefined || storedId === id) return fine(check, id);
  const text = `${file} is that of instance ${id}, and the store that of ${storedId}: the file is another data directory's`;
  return originalOf(stateDir) === undefined
    ? warning(check, text, 'the next agent that opens goes by the store, and writes the file anew')
    : failure(check, text, 'put back the right one before an agent starts');
}
