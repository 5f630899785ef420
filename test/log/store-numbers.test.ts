/** What a store says of itself, changed as a flipped bit would: never believed against its own events. */
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openStore } from '../../src/log/open-store.ts';
import { connect } from '../../src/log/sqlite.ts';
import { silentLogger } from '../../src/ports.ts';
import { DB, message, messages, WEB } from './events.ts';
import { freshDir } from './fresh-dir.ts';

async function opened(dir: string) {
  const store = await openStore({ dir, logger: silentLogger });
  onTestFinished(() => store.log.close());
  return store;
}

/** A closed store of 21 positions whose index ends at 15, where a compaction put it. */
async function filled(): Promise<string> {
  const dir = freshDir();
  const { log } = await opened(dir);
  log.setMeta('agentEpoch', '4');
  await log.append('task/b/gone', 0, messages(5));
  await log.append(WEB, 0, messages(5));
  await log.append(DB, 0, messages(5));
  await log.compact(['task/b/gone'], 7);
  await log.append(WEB, 5, messages(5));
  await log.close();
  return dir;
}

function change(dir: string, sql: string): void {
  const connection = connect(join(dir, 'log.db'));
  connection.exec(sql);
  connection.close();
}

const setMeta = (key: string, value: string) =>
  `INSERT OR REPLACE INTO meta VALUES ('${key}', '${value}')`;

describe('a number that cannot be', () => {
  it.each([
    ['an epoch that is none', setMeta('agentEpoch', '4x')],
    ['an epoch that nobody can follow', setMeta('agentEpoch', '1e300')],
    ['a negative one', setMeta('agentEpoch', '-4')],
    ['a compaction ahead of the head', setMeta('compactedThrough', '99')],
    ['more events compacted than there were', setMeta('compactedEvents', '99')],
    ['an index that is ahead of the head', setMeta('indexedThrough', '99')],
    ['an index that ends later than it does', setMeta('indexedThrough', '19')],
    ['an index that ends earlier than it does', setMeta('indexedThrough', '8')],
    ['an index that says nothing', setMeta('indexedThrough', 'x')],
    ['positions that were never given', `UPDATE sqlite_sequence SET seq = ${2 ** 40}`],
    ['positions that will be given twice', 'UPDATE sqlite_sequence SET seq = 3'],
  ])('such as %s is a damage, and costs no event', async (_, sql) => {
    const dir = await filled();
    change(dir, sql);
    const { log, damage } = await opened(dir);
    expect(damage?.reason).toMatch(/^what the store says of itself is wrong: /);
    expect(damage?.recovered).toBe(16);
    expect(Number(log.getMeta('agentEpoch'))).toBe(4);
    expect([log.versionOf(WEB), log.versionOf(DB), log.versionOf('task/b/gone')]).toEqual([
      10, 5, 5,
    ]);
    await expect(log.append(WEB, 0, [message(1)])).rejects.toMatchObject({
      code: 'VERSION_CONFLICT',
    });
    await log.append(WEB, 10, [message(1)]);
    expect(log.readStream(WEB).map((event) => event.version)).toEqual(
      Array.from({ length: 11 }, (_one, index) => index + 1),
    );
  });

  it('is not what a sound store has, whatever was compacted and indexed', async () => {
    const dir = await filled();
    for (let life = 0; life < 3; life += 1) {
      const { log, damage } = await opened(dir);
      expect(damage).toBeUndefined();
      await log.compact(life === 1 ? [DB] : [], 7);
      await log.append(WEB, log.versionOf(WEB), life === 2 ? [] : messages(2));
      await log.close();
    }
  });
});

describe('an index that does not know what was written', () => {
  it.each([
    ['knows a version too few', 'UPDATE stream_events SET last = last - 1 WHERE stream = 3'],
    ['knows a version too many', 'UPDATE stream_events SET last = last + 1 WHERE stream = 3'],
    ['has lost a stream', 'DELETE FROM stream_events WHERE stream = 3'],
  ])('because it %s is a damage, and costs no event', async (_, sql) => {
    const dir = await filled();
    change(dir, sql);
    const { log, damage } = await opened(dir);
    expect(damage).toMatchObject({ recovered: 16, lost: 0 });
    expect([log.versionOf(WEB), log.versionOf(DB)]).toEqual([10, 5]);
  });
});

it('a report of damage that cannot be read is a damage that nobody knows more of', async () => {
  const dir = await filled();
  change(dir, setMeta('unacknowledgedDamage', '{"movedTo'));
  const store = await opened(dir);
  expect(store.damage).toMatchObject({ movedTo: '', recovered: 0, lost: null });
  store.acknowledgeDamage();
  await store.log.close();
  expect((await opened(dir)).damage).toBeUndefined();
});
