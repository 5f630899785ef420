import { closeSync, openSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openStore } from '../../src/log/open-store.ts';
import { connect, type Connection } from '../../src/log/sqlite.ts';
import { connectTorn, highestOf, readableRows } from '../../src/log/torn-store.ts';
import { silentLogger } from '../../src/ports.ts';
import { DB, messages, WEB } from './events.ts';
import { freshDir } from './fresh-dir.ts';

/** A closed store with 1,000 events, each large enough that a page of the file holds few of them. */
async function filled(dir: string): Promise<string> {
  const { log } = await openStore({ dir, logger: silentLogger });
  for (let version = 0; version < 500; version += 100) {
    void log.append(WEB, version, messages(100, version));
    void log.append(DB, version, messages(100, version));
  }
  await log.close();
  return join(dir, 'log.db');
}

function opened(path: string): Connection {
  const connection = connectTorn(path);
  onTestFinished(() => void connection.close());
  return connection;
}

const positionsIn = (store: Connection, highest = highestOf(store)): readonly number[] =>
  [...readableRows(store, highest)].map(({ position }) => position);

describe('reading a store that may be damaged', () => {
  it('gives every row of one that is well, also across positions that are gone', async () => {
    const path = await filled(freshDir());
    const change = connect(path);
    change.exec('DELETE FROM events WHERE position BETWEEN 3 AND 997');
    change.close();
    expect(positionsIn(opened(path))).toEqual([1, 2, 998, 999, 1_000]);
  });

  it('loses only the rows of a page that SQLite refuses', async () => {
    const path = await filled(freshDir());
    // A page with many rows of the table in its middle.
    const page = Math.floor(statSync(path).size / 4_096 / 2);
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(4_096, 0xff), 0, 4_096, page * 4_096);
    closeSync(file);
    const positions = positionsIn(opened(path));
    expect(positions.length).toBeGreaterThan(800);
    expect(positions.length).toBeLessThan(1_000);
    expect(positions[0]).toBe(1);
    expect(positions.at(-1)).toBe(1_000);
  });

  it('gives what is left of one that was cut off, and so does an agent that opens it', async () => {
    const dir = freshDir();
    const path = await filled(dir);
    truncateSync(path, Math.floor(statSync(path).size / 2 / 4_096) * 4_096);
    const left = positionsIn(opened(path)).length;
    expect(left).toBeGreaterThan(200);
    const { log, damage } = await openStore({ dir, logger: silentLogger });
    expect(damage?.recovered).toBeGreaterThan(100);
    expect(damage?.recovered).toBeLessThanOrEqual(left);
    await log.close();
  });

  it('comes to an end when the file claims positions that were never given', async () => {
    const dir = freshDir();
    const path = await filled(dir);
    const change = connect(path);
    change.exec(`UPDATE sqlite_sequence SET seq = ${2 ** 50}`);
    change.exec('UPDATE events SET crc = crc + 1 WHERE position = 7');
    change.close();
    expect(positionsIn(opened(path))).toHaveLength(1_000);
    const { log, damage } = await openStore({ dir, logger: silentLogger });
    expect(damage).toMatchObject({ recovered: 506 });
    await log.close();
  });
});
