/** The database file of a store, opened for its one writer: ours, of a version we know, durable, its tables made. */
import { randomBytes } from 'node:crypto';
import { migrate, refuseForeign } from './migrations.ts';
import {
  connect,
  makeDurable,
  storeError,
  type Connection,
  type ConnectOptions,
} from './sqlite.ts';

/** Names in the table `meta`. `agentEpoch` is the agent that may write: see `EventLog.setMeta`. */
export const META = {
  storeId: 'storeId',
  epoch: 'agentEpoch',
  compactedThrough: 'compactedThrough',
  compactedEvents: 'compactedEvents',
} as const;

/** Opens the file, or makes it. Errors: STORE_TOO_NEW, STORE_CORRUPT, STORE_FAILED; the file is unchanged then. */
export function openStoreConnection(path: string, options: ConnectOptions): Connection {
  let connection: Connection | undefined;
  try {
    const opened = connect(path, options);
    connection = opened;
    refuseForeign(opened);
    makeDurable(opened);
    migrate(opened, () => {
      const storeId = randomBytes(16).toString('hex');
      opened.prepare('INSERT INTO meta VALUES (?, ?)').run(META.storeId, storeId);
    });
    return opened;
  } catch (error) {
    connection?.close();
    throw storeError(error, `open ${path}`);
  }
}
