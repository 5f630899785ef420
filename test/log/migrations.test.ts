import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { migrate, refuseForeign, STORE_VERSION } from '../../src/log/migrations.ts';
import { connect } from '../../src/log/sqlite.ts';
import { freshDir } from './fresh-dir.ts';

function fresh() {
  return connect(join(freshDir(), 'log.db'));
}

const tables = (connection: ReturnType<typeof connect>) =>
  connection.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all();

describe('the tables of the store', () => {
  it('are made once, and what belongs to a new store with them', () => {
    const connection = fresh();
    let made = 0;
    migrate(connection, () => (made += 1));
    migrate(connection, () => (made += 1));
    expect(made).toBe(1);
    expect(connection.pragma('user_version', { simple: true })).toBe(STORE_VERSION);
    expect(tables(connection)).toEqual(
      expect.arrayContaining(['streams', 'events', 'stream_events', 'meta', 'snapshots']),
    );
    expect(() => refuseForeign(connection)).not.toThrow();
    connection.close();
  });

  it('are made all or not at all', () => {
    const connection = fresh();
    const failing = () => {
      throw new Error('killed');
    };
    expect(() => migrate(connection, failing)).toThrow('killed');
    expect(tables(connection)).toEqual([]);
    expect(() => refuseForeign(connection)).not.toThrow();
    connection.close();
  });

  it('of a newer version are refused, by number', () => {
    const connection = fresh();
    migrate(connection, () => undefined);
    connection.pragma(`user_version = ${STORE_VERSION + 1}`);
    expect(() => refuseForeign(connection)).toThrow(
      expect.objectContaining({
        code: 'STORE_TOO_NEW',
        details: { version: STORE_VERSION + 1, known: STORE_VERSION },
      }),
    );
    connection.close();
  });

  it('of another program are recognised', () => {
    const connection = fresh();
    connection.exec('CREATE TABLE events (anything TEXT)');
    expect(() => refuseForeign(connection)).toThrow(
      expect.objectContaining({ code: 'STORE_CORRUPT' }),
    );
    connection.close();
  });
});
