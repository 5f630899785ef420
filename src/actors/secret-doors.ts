/** What an agent has for secrets: their values, and directories for their files. */
import type { SecretPlaces } from '../hooks/secrets/rules.ts';
import type { Logger } from '../ports.ts';
import type { AgentDoors } from './agent-doors.ts';
import { MemoryDirs } from './memory-dirs.ts';
import { secretKey, SecretValues } from './secret-values.ts';

export function secretDoors(
  stateDir: string,
  places: SecretPlaces | undefined,
  logger: Logger,
): Pick<AgentDoors, 'secrets' | 'memory'> {
  const secrets = new SecretValues(() => secretKey(stateDir));
  return { secrets, memory: new MemoryDirs(places ?? {}, logger) };
}
