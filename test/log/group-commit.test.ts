import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { follow } from '../../src/log/follow.ts';
import { openSqliteEventLog } from '../../src/log/sqlite-event-log.ts';
import { connect } from '../../src/log/sqlite.ts';
import { DB, messages, WEB } from './events.ts';
import { freshDir } from './fresh-dir.ts';

/** A log with one event, and a second connection to its file: an operator's shell, or another agent. */
async function withNeighbour() {
  const path = join(freshDir(), 'log.db');
  const log = openSqliteEventLog({ path, busyTimeoutMs: 0 });
  await log.append(WEB, 0, messages(1));
  const neighbour = connect(path);
  return { path, log, neighbour };
}

describe('group commit', () => {
  it('is not durable before its turn has ended', async () => {
    const { log, neighbour } = await withNeighbour();
    const count = neighbour.prepare('SELECT count(*) FROM events').pluck();
    const appends = [log.append(WEB, 1, messages(2)), log.append(DB, 0, messages(1))];
    await Promise.resolve();
    expect([count.get(), log.head]).toEqual([1, 1]);
    await Promise.all(appends);
    expect([count.get(), log.head]).toEqual([4, 4]);
    neighbour.close();
    await log.close();
  });

  it('writes one transaction for all appends of a turn', async () => {
    const { log, neighbour } = await withNeighbour();
    const heads: number[] = [];
    log.onAppended((head) => heads.push(head));
    const streams = Array.from({ length: 64 }, (_, index) => `task/a1/t${index}`);
    await Promise.all(streams.map((stream) => log.append(stream, 0, messages(1))));
    expect(heads).toEqual([65]);
    neighbour.close();
    await log.close();
  });
});

describe('a write that fails', () => {
  it('rejects every append of its group and every later one, until the log is opened anew', async () => {
    const { path, log, neighbour } = await withNeighbour();
    neighbour.exec('BEGIN IMMEDIATE');
    const group = await Promise.allSettled([
      log.append(WEB, 1, messages(1)),
      log.append(DB, 0, messages(1)),
    ]);
    neighbour.exec('ROLLBACK');
    const refused = { code: 'STORE_FAILED', details: { sqlite: 'SQLITE_BUSY' } };
    expect(group).toMatchObject([{ reason: refused }, { reason: refused }]);
    await expect(log.append(DB, 0, messages(1))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(() => log.setMeta('a', 'b')).toThrow(expect.objectContaining({ code: 'STORE_FAILED' }));
    await expect(log.compact([WEB], 1)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect([log.head, log.versionOf(WEB), log.readStream(WEB).length]).toEqual([1, 1, 1]);
    await log.close();

    const again = openSqliteEventLog({ path });
    await expect(again.append(WEB, 1, messages(1))).resolves.toMatchObject([{ position: 2 }]);
    neighbour.close();
    await again.close();
  });

  it('ends whoever follows the log with the same error, and tells that it failed', async () => {
    const { log, neighbour } = await withNeighbour();
    const given: number[] = [];
    const following = (async () => {
      for await (const { position } of follow(log, { after: 0 })) given.push(position);
    })();
    neighbour.exec('BEGIN IMMEDIATE');
    await expect(log.append(WEB, 1, messages(1))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    neighbour.exec('ROLLBACK');
    await expect(following).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(given).toEqual([1]);
    expect(await log.failed).toBe(log.failure);
    neighbour.close();
    await log.close();
  });

  it('tells no listener of events that may not be there', async () => {
    const { log, neighbour } = await withNeighbour();
    const heads: number[] = [];
    log.onAppended((head) => heads.push(head));
    neighbour.exec('BEGIN IMMEDIATE');
    await expect(log.append(WEB, 1, messages(1))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    neighbour.exec('ROLLBACK');
    expect(heads).toEqual([1]);
    neighbour.close();
    await log.close();
  });

  it('keeps a second writer from giving the same position again', async () => {
    const { path, log, neighbour } = await withNeighbour();
    const second = openSqliteEventLog({ path });
    await log.append(WEB, 1, messages(1));
    await expect(second.append(DB, 0, messages(1))).rejects.toMatchObject({
      code: 'STORE_FAILED',
      details: { sqlite: expect.stringContaining('SQLITE_CONSTRAINT') },
    });
    neighbour.close();
    await second.close();
    await log.close();
  });
});

describe('the agent epoch', () => {
  it('keeps an agent that was replaced from writing', async () => {
    const { path, log, neighbour } = await withNeighbour();
    log.setMeta('agentEpoch', '1');
    const newer = openSqliteEventLog({ path });
    newer.setMeta('agentEpoch', '2');
    await expect(log.append(WEB, 1, messages(1))).rejects.toMatchObject({
      code: 'EPOCH_STALE',
      details: { epoch: 1, current: 2 },
    });
    await expect(newer.append(WEB, 1, messages(1))).resolves.toHaveLength(1);
    neighbour.close();
    await newer.close();
    await log.close();
  });

  it('is stored with every event', async () => {
    const { log, neighbour } = await withNeighbour();
    log.setMeta('agentEpoch', '7');
    await log.append(WEB, 1, messages(1));
    expect(neighbour.prepare('SELECT epoch FROM events').pluck().all()).toEqual([0, 7]);
    neighbour.close();
    await log.close();
  });
});
