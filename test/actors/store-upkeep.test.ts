import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { keepStore } from '../../src/actors/store-upkeep.ts';
import type { SnapshotKeeper } from '../../src/actors/snapshot-keeper.ts';
import { openSqliteEventLog } from '../../src/log/sqlite-event-log.ts';
import { connect } from '../../src/log/sqlite.ts';
import { silentLogger } from '../../src/ports.ts';
import { messages, WEB } from '../log/events.ts';
import { freshDir } from '../log/fresh-dir.ts';

it('a row that has rotted is recorded as a fact, once', async () => {
  const path = join(freshDir(), 'log.db');
  const log = openSqliteEventLog({ path });
  await log.append(WEB, 0, messages(3));
  const connection = connect(path);
  connection.prepare('UPDATE events SET at = at + 1 WHERE position = 2').run();
  connection.close();
  const record = vi.fn<(type: string, facts: unknown) => void>();
  const closing = new AbortController();
  const snapshots = { wereUsed: true, watch: () => undefined } as unknown as SnapshotKeeper;
  const doors = { log, logger: silentLogger, record, snapshots, signal: closing.signal };
  keepStore({ ...doors, firstScrubMs: 1 });
  await vi.waitFor(() => expect(record).toHaveBeenCalled());
  expect(record.mock.calls).toEqual([
    ['StoreFaultFound', { code: 'EVENT_MALFORMED', message: expect.stringContaining('2') }],
  ]);
  closing.abort();
  await log.close();
});
