/** What an agent has for its hooks: values and places of secrets, numbers of users. */
import type { SecretPlaces } from '../hooks/secrets/rules.ts';
import type { TaskContext } from '../machines/task-state.ts';
import type { Logger } from '../ports.ts';
import type { AgentDoors } from './agent-doors.ts';
import type { Folded } from './event-sourced.ts';
import { MemoryDirs } from './memory-dirs.ts';
import { secretKey, SecretValues } from './secret-values.ts';
import { UserPool, type UserRange } from './user-pool.ts';

interface Wishes {
  readonly secrets?: SecretPlaces;
  readonly dynamicUsers?: UserRange;
  readonly logger?: Logger;
}

/** `tasks` are all that the log knows, by stream, as they stand now and later. */
export function hookSupplies(
  stateDir: string,
  tasks: ReadonlyMap<string, Folded<TaskContext>>,
  { secrets = {}, dynamicUsers, logger }: Wishes,
): Pick<AgentDoors, 'secrets' | 'memory' | 'users'> {
  return {
    secrets: new SecretValues(() => secretKey(stateDir)),
    memory: new MemoryDirs(secrets, logger),
    users: new UserPool(tasks, dynamicUsers),
  };
}
