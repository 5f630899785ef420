import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSqliteEventLog } from '../../src/log/sqlite-event-log.ts';
import { connect } from '../../src/log/sqlite.ts';
import { describeEventLog } from '../contract/event-log.contract.ts';
import { DB, message, messages, WEB } from './events.ts';
import { freshDir } from './fresh-dir.ts';

describeEventLog('SQLite log', (options) =>
  openSqliteEventLog({ path: join(freshDir(), 'log.db'), ...options }),
);

describe('SQLite log', () => {
  it('is the same log when it is opened again', async () => {
    const path = join(freshDir(), 'log.db');
    const first = openSqliteEventLog({ path });
    await first.append(WEB, 0, messages(3));
    first.setMeta('instanceId', 'i1');
    await first.close();
    const second = openSqliteEventLog({ path });
    expect([second.storeId, second.head, second.versionOf(WEB)]).toEqual([first.storeId, 3, 3]);
    expect(second.storeId).toMatch(/^[0-9a-f]{32}$/);
    expect(second.getMeta('instanceId')).toBe('i1');
    expect(second.readStream(WEB, 2)).toMatchObject([{ ...message(3), position: 3, version: 3 }]);
    await expect(second.append(WEB, 3, messages(1))).resolves.toMatchObject([{ position: 4 }]);
    await second.close();
  });

  it('refuses a file whose newest events are gone, rather than give their positions again', async () => {
    const path = join(freshDir(), 'log.db');
    const first = openSqliteEventLog({ path });
    await first.append(WEB, 0, messages(3));
    await first.close();
    const connection = connect(path);
    connection.exec('DELETE FROM events WHERE position > 1');
    connection.close();
    expect(() => openSqliteEventLog({ path })).toThrow(
      expect.objectContaining({ code: 'STORE_CORRUPT' }),
    );
  });

  it('keeps what was compacted apart from what is kept, across openings', async () => {
    const path = join(freshDir(), 'log.db');
    const first = openSqliteEventLog({ path });
    await first.append(WEB, 0, messages(3));
    await first.compact([WEB], 9);
    await first.close();
    const second = openSqliteEventLog({ path });
    expect([second.oldest, second.head, second.versionOf(WEB)]).toEqual([4, 4, 3]);
    await second.close();
  });

  it('writes ahead, so that a shell can read while it writes', async () => {
    const path = join(freshDir(), 'log.db');
    const log = openSqliteEventLog({ path });
    const connection = connect(path);
    const reading = connection.prepare('SELECT count(*) FROM events').pluck();
    connection.exec('BEGIN');
    expect(reading.get()).toBe(0);
    await log.append(WEB, 0, messages(1));
    expect([reading.get(), connection.pragma('journal_mode', { simple: true })]).toEqual([
      0,
      'wal',
    ]);
    connection.exec('COMMIT');
    expect(reading.get()).toBe(1);
    connection.close();
    await log.close();
  });

  it('finds the events of every stream after thousands of interleaved ones and an opening', async () => {
    const path = join(freshDir(), 'log.db');
    const first = openSqliteEventLog({ path });
    const streams = Array.from({ length: 50 }, (_, index) => `task/a1/t${index}`);
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(streams.map((stream) => first.append(stream, round * 10, messages(10))));
    }
    await first.close();
    const second = openSqliteEventLog({ path });
    for (const stream of streams) {
      expect(second.readStream(stream, 50).map((event) => event.version)).toEqual(
        Array.from({ length: 50 }, (_, index) => index + 51),
      );
    }
    const two = second.readAll(0, { streamPrefixes: ['task/a1/t48', 'task/a1/t7'], limit: 500 });
    expect(two.map((event) => event.stream)).toHaveLength(200);
    expect(two.map((event) => event.position)).toEqual(
      two.map((event) => event.position).toSorted((a, b) => a - b),
    );
    await second.close();
  });

  it.each([
    ['data', `replace(data, 'message 2', 'message 7')`],
    ['type', `'HookFailed'`],
    ['run', 'run + 1'],
    ['at', 'at + 4294967296'],
    ['schema', '2'],
    ['version', 'version + 5'],
    ['stream', 'stream + 1'],
  ])('refuses an event whose %s was changed on the disk', async (column, value) => {
    const path = join(freshDir(), 'log.db');
    const first = openSqliteEventLog({ path });
    await first.append(WEB, 0, messages(2));
    await first.append(DB, 0, messages(1));
    await first.close();
    const connection = connect(path);
    connection.exec(`UPDATE events SET ${column} = ${value} WHERE position = 2`);
    connection.close();
    const second = openSqliteEventLog({ path });
    const named = expect.objectContaining({
      code: 'EVENT_MALFORMED',
      message: expect.stringContaining('position 2'),
    });
    expect(() => [...second.rows()]).toThrow(named);
    expect(() => second.readAll(0)).toThrow(named);
    await second.close();
  });

  it('says that a directory cannot be a store', () => {
    const path = join(freshDir(), 'log.db');
    mkdirSync(path);
    expect(() => openSqliteEventLog({ path })).toThrow(
      expect.objectContaining({ code: 'STORE_FAILED' }),
    );
  });

  it('removes no event of another stream, whatever the index says', async () => {
    const path = join(freshDir(), 'log.db');
    const first = openSqliteEventLog({ path });
    const [web, api, old] = ['task/w/web', 'task/a/api', 'task/o/old'] as const;
    for (const stream of [web, api, old]) await first.append(stream, 0, messages(2));
    // The entries of the index come into their table with the first compaction.
    await first.compact([old], 9);
    await first.close();
    const connection = connect(path);
    const wrong = connection.prepare(
      "UPDATE stream_events SET positions = '[3,4]' WHERE positions = '[1,2]'",
    );
    expect(wrong.run().changes).toBe(1);
    connection.close();
    const log = openSqliteEventLog({ path });
    const { data } = await log.compact([web], 10);
    expect(data).toMatchObject({ events: 2, oldest: 7 });
    expect([...log.rows()].map(({ stream }) => stream)).toEqual([api, api, 'node', 'node']);
    await log.close();
  });
});
