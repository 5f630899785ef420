import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EventLog } from '../../src/log/event-log.ts';
import { readHeadMark } from '../../src/log/head-mark.ts';
import { openStore } from '../../src/log/open-store.ts';
import { eventLogOn } from '../../src/log/row-event-log.ts';
import type { RowStore } from '../../src/log/row-store.ts';
import { openSqliteEventLog } from '../../src/log/sqlite-event-log.ts';
import { SqliteRows } from '../../src/log/sqlite-rows.ts';
import { connect } from '../../src/log/sqlite.ts';
import { silentLogger } from '../../src/ports.ts';
import { messages, WEB } from './events.ts';
import { freshDir } from './fresh-dir.ts';

/** A store in which one kind of write fails as a disk does. */
function storeFailingTo(write: 'write' | 'remove' | 'setMeta' | 'snapshots'): RowStore {
  const fail = (): never => {
    throw new Error('disk I/O error');
  };
  const rows = new SqliteRows(join(freshDir(), 'log.db'));
  const { snapshots } = rows;
  const failingSnapshots = {
    read: snapshots.read.bind(snapshots),
    find: snapshots.find.bind(snapshots),
    drop: snapshots.drop.bind(snapshots),
    save: fail,
  };
  const failing = write === 'snapshots' ? failingSnapshots : fail;
  return new Proxy(rows, {
    get(target, key) {
      const value: unknown = key === write ? failing : Reflect.get(target, key, target);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
}

/** Tries to write in every way there is; gives what each was answered. */
async function tryAll(log: EventLog): Promise<readonly unknown[]> {
  const answers = await Promise.allSettled([
    log.append(WEB, log.versionOf(WEB), messages(1)),
    log.compact([WEB], 1),
    (async () => log.setMeta('a', 'b'))(),
    (async () => log.snapshots.save('chart', []))(),
    (async () => log.snapshots.drop('no reason'))(),
  ]);
  return answers.map((answer) => (answer.status === 'rejected' ? answer.reason : answer.value));
}

const WRITES = {
  write: (log: EventLog) => log.append(WEB, 1, messages(1)),
  remove: (log: EventLog) => log.compact([WEB], 1),
  setMeta: async (log: EventLog) => log.setMeta('a', 'b'),
  snapshots: async (log: EventLog) => log.snapshots.save('chart', []),
} as const;

describe('a log that failed', () => {
  it.each(['remove', 'setMeta', 'snapshots'] as const)(
    'to %s writes nothing any more, and gives the same error for ever',
    async (kind) => {
      const log = eventLogOn(storeFailingTo(kind));
      await log.append(WEB, 0, messages(1));
      expect(log.failure).toBeUndefined();
      await expect(WRITES[kind](log)).rejects.toMatchObject({ code: 'STORE_FAILED' });
      const failure = await log.failed;
      expect(failure).toMatchObject({ code: 'STORE_FAILED', message: /disk I\/O error/ });
      expect(new Set(await tryAll(log))).toEqual(new Set([failure]));
      expect(log.readStream(WEB)).toHaveLength(1);
      await log.close();
    },
  );

  it('to append was not closed in order, whatever was done to it later', async () => {
    const dir = freshDir();
    const { log } = await openStore({ dir, logger: silentLogger });
    await log.append(WEB, 0, messages(1));
    const neighbour = connect(join(dir, 'log.db'));
    neighbour.exec(`CREATE TRIGGER full BEFORE INSERT ON events
      BEGIN SELECT RAISE(ABORT, 'disk is full'); END`);
    await expect(log.append(WEB, 1, messages(1))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await log.close();
    expect(readHeadMark(join(dir, 'head'))).toMatchObject({ head: 1, isClosed: false });
    neighbour.exec('DROP TRIGGER full');
    neighbour.close();
    const again = await openStore({ dir, logger: silentLogger });
    await again.log.append(WEB, 1, messages(1));
    await again.log.close();
    expect(readHeadMark(join(dir, 'head'))).toMatchObject({ head: 2, isClosed: true });
  });

  it('says so when another process held the store for too long', async () => {
    const path = join(freshDir(), 'log.db');
    await openSqliteEventLog({ path }).close();
    const shell = connect(path);
    shell.exec('BEGIN IMMEDIATE');
    const log = openSqliteEventLog({ path, busyTimeoutMs: 10 });
    expect(() => log.setMeta('agentEpoch', '1')).toThrow(
      expect.objectContaining({
        code: 'STORE_FAILED',
        message: expect.stringContaining('another process holds it'),
      }),
    );
    expect(log.failure).toMatchObject({ details: { sqlite: 'SQLITE_BUSY' } });
    shell.close();
    await log.close();
  });
});
