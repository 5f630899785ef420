import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyStore } from '../../src/doctor/store-verdict.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { markAbove } from '../../src/log/head-mark.ts';
import { openStore } from '../../src/log/open-store.ts';
import { connect } from '../../src/log/sqlite.ts';
import { silentLogger } from '../../src/ports.ts';
import { DB, messages, WEB } from './events.ts';
import { freshDir } from './fresh-dir.ts';

const open = (dir: string, replay?: (log: EventLog) => void) =>
  openStore({ dir, logger: silentLogger, ...(replay === undefined ? {} : { replay }) });

/** A closed store with 40 events of two streams in turn: web at odd positions, db at even ones. */
async function filled(): Promise<{ dir: string; path: string; storeId: string }> {
  const dir = freshDir();
  const { log } = await open(dir);
  for (let version = 0; version < 20; version += 1) {
    void log.append(WEB, version, messages(1));
    void log.append(DB, version, messages(1));
  }
  log.setMeta('instanceId', 'i1');
  log.setMeta('agentEpoch', '4');
  await log.close();
  return { dir, path: join(dir, 'log.db'), storeId: log.storeId };
}

/** Events that are gone with each file of a store that was closed; undefined when it is no damage. */
const LOST: Readonly<Record<string, number | null | undefined>> = { 'log.db': 40, head: null };

function change(path: string, sql: string): void {
  const connection = connect(path);
  connection.exec(sql);
  connection.close();
}

describe('a store that is well', () => {
  it('opens without damage, again and again, as the same store', async () => {
    const { dir, storeId } = await filled();
    const { log, damage } = await open(dir);
    expect([damage, log.storeId, log.head]).toEqual([undefined, storeId, 40]);
    await log.close();
  });

  it('is made when there is none, for nobody else to look into', async () => {
    const dir = join(freshDir(), 'store');
    const { log } = await open(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(log.head).toBe(0);
    await log.close();
  });

  it('is usable after a kill in the middle of its creation', async () => {
    const dir = freshDir();
    const connection = connect(join(dir, 'log.db'));
    connection.pragma('journal_mode = WAL');
    connection.close();
    const { log, damage } = await open(dir);
    expect(damage).toBeUndefined();
    await log.append(WEB, 0, messages(1));
    await log.close();
  });

  it('is checked by the replay of its owner', async () => {
    const { dir } = await filled();
    const seen: number[] = [];
    const { log } = await open(dir, (replayed) => {
      for (const row of replayed.rows()) seen.push(row.position);
    });
    expect(seen).toHaveLength(40);
    await log.close();
  });

  it('lets an error of the replay that is not damage through', async () => {
    const { dir } = await filled();
    const failing = open(dir, () => {
      throw new RangeError('mine');
    });
    await expect(failing).rejects.toThrow('mine');
    expect(readdirSync(dir).filter((name) => name.includes('damaged'))).toEqual([]);
  });

  it('is refused and left alone when a newer version wrote it', async () => {
    const { dir, path } = await filled();
    change(path, 'PRAGMA user_version = 99');
    const before = readFileSync(path);
    await expect(open(dir)).rejects.toMatchObject({
      code: 'STORE_TOO_NEW',
      details: { version: 99, known: 1 },
    });
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

describe('a damaged store', () => {
  it('is moved aside when it is no database at all, and a new one takes its place', async () => {
    const { dir, path, storeId } = await filled();
    writeFileSync(path, 'not a database, '.repeat(1_000));
    const { log, damage } = await open(dir);
    expect(damage).toMatchObject({ recovered: 0, lost: 40, previousStoreId: storeId });
    expect(readFileSync(damage?.movedTo ?? '', 'utf8')).toContain('not a database');
    expect(damage?.movedTo).toMatch(/log\.db\.damaged-\d{8}T\d{9}Z$/);
    expect(log.storeId).not.toBe(storeId);
    expect(log.head).toBe(0);
    await log.append(WEB, 0, messages(1));
    await log.close();
  });

  it('gives back every event before a gap in its stream, and all of the other streams', async () => {
    const { dir, path, storeId } = await filled();
    change(path, `UPDATE events SET data = '{}' WHERE position = 21`);
    const { log, damage } = await open(dir);
    expect(damage).toMatchObject({ recovered: 30, lost: 10, previousStoreId: storeId });
    expect(damage?.reason).toContain('position 21');
    expect([log.versionOf(WEB), log.versionOf(DB), log.head]).toEqual([10, 20, 30]);
    expect([...log.rows()].map((row) => row.position)).toEqual(
      Array.from({ length: 30 }, (_, index) => index + 1),
    );
    expect([log.getMeta('instanceId'), log.getMeta('agentEpoch')]).toEqual(['i1', '4']);
    await log.close();
  });

  it('calls the replay of its owner once more, on what was recovered', async () => {
    const { dir, path } = await filled();
    change(path, 'DELETE FROM events WHERE position = 19');
    let seen: number[] = [];
    const { log, damage } = await open(dir, (replayed) => {
      seen = [];
      for (const row of replayed.rows()) seen.push(row.position);
    });
    expect(damage).toMatchObject({ recovered: 29, lost: 11 });
    expect(seen).toHaveLength(29);
    await log.close();
  });

  it('is recognised by a missing position, also where no version of a stream is missing', async () => {
    const { dir, path } = await filled();
    change(path, 'DELETE FROM events WHERE position = 39');
    const { log, damage } = await open(dir);
    expect(damage).toMatchObject({ recovered: 39, lost: 1 });
    await log.close();
  });

  it('is recognised by a log that is shorter than was recorded beside it', async () => {
    const { dir, storeId } = await filled();
    writeFileSync(join(dir, 'head'), JSON.stringify({ storeId, head: 43, isClosed: false }));
    const { log, damage } = await open(dir);
    expect(damage).toMatchObject({ recovered: 40, lost: 3 });
    expect(damage?.reason).toContain('shorter than recorded');
    expect(log.storeId).not.toBe(storeId);
    await log.close();
  });

  it('is reported when the file is gone', async () => {
    const { dir, path, storeId } = await filled();
    rmSync(path);
    const { log, damage } = await open(dir);
    expect(damage).toEqual({
      movedTo: '',
      reason: 'the store is missing',
      recovered: 0,
      lost: 40,
      previousStoreId: storeId,
    });
    await log.close();
  });

  it('that is gone with its mark is a loss where an agent was before, and no empty file is left of it', async () => {
    const { dir, path } = await filled();
    for (const name of readdirSync(dir)) rmSync(join(dir, name));
    const { log, damage } = await openStore({ dir, logger: silentLogger, wasUsed: true });
    expect(damage).toMatchObject({ movedTo: '', reason: 'the store is missing', lost: null });
    expect(readdirSync(dir).filter((name) => name.startsWith('log.db.'))).toEqual([]);
    expect(existsSync(path)).toBe(true);
    await log.close();
  });

  it('reports the same damage at every opening until that is acknowledged', async () => {
    const { dir, path } = await filled();
    rmSync(path);
    const first = await open(dir);
    await first.log.close();
    const second = await open(dir);
    expect(second.damage).toEqual(first.damage);
    second.acknowledgeDamage();
    await second.log.close();
    const third = await open(dir);
    expect(third.damage).toBeUndefined();
    await third.log.close();
  });

  it('belongs to another program and is moved aside too', async () => {
    const dir = freshDir();
    change(join(dir, 'log.db'), 'CREATE TABLE recipes (name TEXT)');
    const { log, damage } = await open(dir);
    expect(damage).toMatchObject({ recovered: 0, lost: null, previousStoreId: null });
    await log.close();
  });

  it('never keeps the agent from starting, wherever the file is cut or overwritten', async () => {
    const { dir, path } = await filled();
    const pristine = readFileSync(path);
    const mark = readFileSync(join(dir, 'head'));
    for (let at = 0; at < pristine.length; at += 4_096) {
      for (const hurt of ['cut', 'overwritten'] as const) {
        for (const name of readdirSync(dir)) rmSync(join(dir, name));
        writeFileSync(path, pristine);
        writeFileSync(join(dir, 'head'), mark);
        if (hurt === 'cut') truncateSync(path, at + 100);
        else writeFileSync(path, Buffer.from(pristine).fill(0xa5, at, at + 4_096));
        const { log } = await open(dir);
        const kept = [...log.rows()];
        expect(kept.map((row) => row.position)).toEqual(kept.map((_, index) => index + 1));
        await log.append(WEB, log.versionOf(WEB), messages(1));
        await log.close();
      }
    }
  });

  it('goes on where a kill interrupted the replacement', async () => {
    const { dir, path } = await filled();
    const { log } = await open(dir);
    await log.close();
    // The new store was complete and the old one moved; its write-ahead log was not.
    writeFileSync(`${path}.recovered`, readFileSync(path));
    rmSync(path);
    writeFileSync(`${path}.damaged-20260101T000000000Z`, 'old');
    writeFileSync(`${path}-wal`, 'old');
    const again = await open(dir);
    expect([again.log.head, again.log.storeId]).toEqual([40, log.storeId]);
    expect(readFileSync(`${path}.damaged-20260101T000000000Z-wal`, 'utf8')).toBe('old');
    expect(existsSync(`${path}.recovered`)).toBe(false);
    await again.log.close();
  });
});

describe('the mark beside the store', () => {
  it('says how far a closed log had come', async () => {
    const { dir, storeId } = await filled();
    expect(JSON.parse(readFileSync(join(dir, 'head'), 'utf8'))).toMatchObject({
      storeId,
      head: 40,
      isClosed: true,
    });
  });

  it('is there before the first event is, so a store with events and without it may have lost some', async () => {
    for (const hurt of ['unreadable', 'gone', 'changed'] as const) {
      const { dir, storeId } = await filled();
      const mark = join(dir, 'head');
      if (hurt === 'gone') rmSync(mark);
      else if (hurt === 'unreadable') writeFileSync(mark, '{"storeId":');
      else writeFileSync(mark, readFileSync(mark, 'utf8').replace('"head":40', '"head":30'));
      const { log, damage } = await open(dir);
      expect(damage).toMatchObject({ recovered: 40, lost: null, previousStoreId: storeId });
      expect(log.storeId).not.toBe(storeId);
      await log.close();
    }
  });

  it('of the first release has no checksum and is believed', async () => {
    const { dir, storeId } = await filled();
    writeFileSync(join(dir, 'head'), JSON.stringify({ storeId, head: 40, isClosed: true }));
    const { log, damage } = await open(dir);
    expect(damage).toBeUndefined();
    await log.close();
  });
});

describe('something else in the place of a file of the store', () => {
  const KINDS = {
    directory: (path: string) => mkdirSync(path),
    fifo: (path: string) => void execFileSync('mkfifo', [path]),
    'link to nothing': (path: string) => symlinkSync('/nonexistent/log', path),
  };

  it('is moved aside, and what was lost with the file is told', async () => {
    for (const put of Object.values(KINDS)) {
      for (const name of ['log.db', 'log.db-wal', 'log.db-shm', 'log.db-journal', 'head']) {
        const { dir } = await filled();
        rmSync(join(dir, name), { force: true });
        put(join(dir, name));
        const { log, damage } = await open(dir);
        expect(readdirSync(dir).some((one) => one.startsWith(`${name}.damaged-`))).toBe(true);
        expect([name, damage?.lost]).toEqual([name, LOST[name]]);
        await log.append(WEB, log.versionOf(WEB), messages(1));
        await log.close();
      }
    }
  });
});

describe('a store that was put back from an older backup', () => {
  /** Opens it, appends and closes; beside its directory lies what the backup does not hold. */
  async function grown(dir: string, events: number): Promise<string> {
    const { log } = await openBoth(dir);
    for (let version = 0; version < events; version += 1) {
      void log.append(WEB, log.versionOf(WEB), messages(1));
    }
    await log.close();
    return log.storeId;
  }
  const openBoth = (dir: string) =>
    openStore({ dir, logger: silentLogger, markAbove: markAbove(join(dir, 'head')) });

  it('is told as damage and becomes another store, so that no position is given twice', async () => {
    const dir = join(freshDir(), 'store');
    const storeId = await grown(dir, 3);
    cpSync(dir, `${dir}-backup`, { recursive: true });
    await grown(dir, 2);
    rmSync(dir, { recursive: true });
    renameSync(`${dir}-backup`, dir);
    const store = await openBoth(dir);
    const { log, damage } = store;
    expect(damage).toMatchObject({
      reason: 'the log is shorter than recorded: it ends at 3, and had come to 5',
      recovered: 3,
      lost: 2,
      previousStoreId: storeId,
    });
    expect(log.storeId).not.toBe(storeId);
    store.acknowledgeDamage();
    await log.close();
    const again = await openBoth(dir);
    expect([again.damage, again.log.storeId]).toEqual([undefined, log.storeId]);
    await again.log.close();
  });

  it('is noticed also when the store that was here last was another one', async () => {
    const dir = join(freshDir(), 'store');
    const storeId = await grown(dir, 3);
    cpSync(dir, `${dir}-backup`, { recursive: true });
    truncateSync(join(dir, 'log.db'), 100);
    const latest = await grown(dir, 1);
    expect(latest).not.toBe(storeId);
    rmSync(dir, { recursive: true });
    renameSync(`${dir}-backup`, dir);
    const place = { path: join(dir, 'log.db'), markPath: join(dir, 'head') };
    const fault = expect.stringContaining('it is an older store than the one that was here last');
    expect(verifyStore(place).faults).toContainEqual({ position: null, stream: null, fault });
    const { log, damage } = await openBoth(dir);
    expect(damage).toMatchObject({ reason: fault, recovered: 3, previousStoreId: storeId });
    expect(log.storeId).not.toBe(storeId);
    await log.close();
  });
});

describe('a store that another data directory owns', () => {
  /** Beside `own`, in which there was a store of its own, lies the store of another one now. */
  async function exchanged(): Promise<{ dir: string; path: string; storeId: string }> {
    const own = await filled();
    const other = await filled();
    change(other.path, `UPDATE meta SET value = 'i2' WHERE key = 'instanceId'`);
    cpSync(other.path, own.path);
    return own;
  }
  const ofOthers = (dir: string) =>
    openStore({
      dir,
      logger: silentLogger,
      strangeness: ({ instanceId }) => (instanceId === 'i2' ? 'it is of i2' : undefined),
    });

  it('is moved aside whole, nothing of it is taken over, and what is lost of the own one is told', async () => {
    const { dir, storeId } = await exchanged();
    const store = await ofOthers(dir);
    expect(store.damage).toEqual({
      movedTo: expect.stringMatching(/log\.db\.foreign-\d{8}T\d{9}Z$/),
      reason: 'it is of i2',
      recovered: 0,
      lost: 40,
      previousStoreId: storeId,
    });
    expect([store.log.head, store.log.getMeta('instanceId')]).toEqual([0, undefined]);
    await store.log.append(WEB, 0, messages(1));
    store.acknowledgeDamage();
    await store.log.close();
    const place = { path: store.damage?.movedTo ?? '', markPath: undefined };
    expect(verifyStore(place).events).toBe(40);
    const again = await ofOthers(dir);
    expect([again.damage, again.log.head]).toEqual([undefined, 1]);
    await again.log.close();
  });

  it('gives nothing when it is damaged, too', async () => {
    const { dir, path } = await exchanged();
    truncateSync(path, statSync(path).size - 4_096);
    const { log, damage } = await ofOthers(dir);
    expect(damage).toMatchObject({ reason: 'it is of i2', recovered: 0 });
    expect(log.head).toBe(0);
    await log.close();
  });

  it('is told as damage where only its own id tells that another one was here', async () => {
    const { dir, path, storeId } = await exchanged();
    const fault = `the store that was here last was ${storeId}`;
    const verdict = verifyStore({ path, markPath: join(dir, 'head') });
    expect(verdict.faults).toContainEqual({ position: null, stream: null, fault });
    const { log, damage } = await open(dir);
    expect(damage).toMatchObject({ reason: expect.stringContaining(fault), recovered: 40 });
    await log.close();
  });
});
