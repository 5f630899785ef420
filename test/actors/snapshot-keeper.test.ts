import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { FOLDING, toSnapshot } from '../../src/actors/fold-row.ts';
import { SnapshotKeeper } from '../../src/actors/snapshot-keeper.ts';
import { StartGate } from '../../src/actors/start-gate.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openSqliteEventLog } from '../../src/log/sqlite-event-log.ts';
import { connect } from '../../src/log/sqlite.ts';
import { silentLogger } from '../../src/ports.ts';
import { tries } from '../properties/tries.ts';
import { freshDir } from '../log/fresh-dir.ts';
import { randomOf } from '../machines/random-facts.ts';
import { RandomLog, replayOf, statesOf } from './random-log.ts';

function keeperOf(log: EventLog, events = 1, gate = new StartGate()): SnapshotKeeper {
  return new SnapshotKeeper({
    log,
    logger: silentLogger,
    gate,
    replayed: replayOf(log),
    everyEvents: events,
    closingEvents: events,
  });
}

/** A log of some hundred events whose snapshots cover all of it. */
async function withSnapshots(events = 300) {
  const path = join(freshDir(), 'log.db');
  const log = openSqliteEventLog({ path });
  const history = new RandomLog(randomOf(events));
  await history.grow(log, events);
  await keeperOf(log).finish();
  return { log, history, path };
}

function edit(path: string, sql: string): void {
  const connection = connect(path);
  connection.exec(sql);
  connection.close();
}

describe('snapshots', () => {
  it('leave nothing to be folded after the last of them', async () => {
    const { log } = await withSnapshots();
    const replayed = replayOf(log);
    expect(replayed).toMatchObject({ events: 0, through: 300, saved: 300 });
    expect(statesOf(replayed)).toEqual(statesOf(replayOf(log, true)));
    await log.close();
  });

  it('and the rows after them make what the whole log makes', async () => {
    const { log, history } = await withSnapshots();
    await history.grow(log, 50);
    const replayed = replayOf(log);
    expect(replayed).toMatchObject({ events: 50, through: 350, saved: 300 });
    expect(statesOf(replayed)).toEqual(statesOf(replayOf(log, true)));
    await log.close();
  });

  it('that are being made keep the process of whoever closes the log alive', async () => {
    const log = openSqliteEventLog({ path: join(freshDir(), 'log.db') });
    const keeper = keeperOf(log);
    await new RandomLog(randomOf(7)).grow(log, 300);
    const timers = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => timers.mockRestore());
    keeper.watch();
    const resting = timers.mock.results.at(-1)?.value as NodeJS.Timeout;
    expect(resting.hasRef()).toBe(false);
    const finished = keeper.finish();
    expect(resting.hasRef()).toBe(true);
    await finished;
    await log.close();
  });

  it.each([
    ['all of them are gone', 'DELETE FROM snapshots'],
    ['one of them is gone', 'DELETE FROM snapshots WHERE stream = 3'],
    ['nothing says how far they reach', `DELETE FROM meta WHERE key = 'snapshots'`],
    ['the state of one was changed', `UPDATE snapshots SET data = replace(data, 'value', 'valve')`],
    [
      'the version of one was changed',
      'UPDATE snapshots SET version = version + 1 WHERE stream = 2',
    ],
    ['one has the place of another', 'UPDATE snapshots SET stream = 9999 WHERE stream = 2'],
    ['one is no text that was saved', `UPDATE snapshots SET data = '' WHERE stream = 2`],
    ['they are of another chart', `UPDATE snapshots SET chart = 'another'`],
    [
      'they claim to reach further',
      `UPDATE meta SET value = replace(value, '300 ', '310 ') WHERE key = 'snapshots'`,
    ],
  ])('cost a full replay and nothing else when %s', async (_name, sql) => {
    const { log, history, path } = await withSnapshots();
    await history.grow(log, 20);
    await log.close();
    edit(path, `PRAGMA foreign_keys = OFF; ${sql}`);
    const again = openSqliteEventLog({ path });
    const replayed = replayOf(again);
    expect(replayed).toMatchObject({ events: 320, through: 320, saved: 0 });
    expect(statesOf(replayed)).toEqual(statesOf(replayOf(again, true)));
    await again.close();
  });

  it('are not believed beside an index that has lost the end of a stream', async () => {
    const { log, history, path } = await withSnapshots(5_000);
    // The index is written when there is enough for it, at the next commit.
    await history.grow(log, 10);
    await log.close();
    edit(
      path,
      `DELETE FROM stream_events WHERE stream =
         (SELECT min(stream) FROM stream_events WHERE stream NOT IN
           (SELECT stream FROM events WHERE position > 5000 OR type IN ('AllocRemoved', 'CleanupCompleted')))`,
    );
    const again = openSqliteEventLog({ path });
    expect(again.snapshots.read(FOLDING)?.through).toBe(5_000);
    try {
      replayOf(again);
    } catch (error) {
      // What a full replay says of it is not the matter here.
      expect(error).toMatchObject({ code: 'STORE_CORRUPT' });
    }
    expect(again.snapshots.read(FOLDING)).toBeUndefined();
    await again.close();
  });

  it('are used again after they were dropped and made anew', async () => {
    const { log, path } = await withSnapshots();
    edit(path, 'DELETE FROM snapshots WHERE stream = 3');
    expect(replayOf(log).events).toBe(300);
    await keeperOf(log).finish();
    expect(replayOf(log).events).toBe(0);
    await log.close();
  });

  it('do not outlive their stream', async () => {
    const { log, history, path } = await withSnapshots();
    const stream = history.streams.find((name) => name !== 'node') as string;
    const keeper = keeperOf(log);
    const folded = replayOf(log).tasks.get(stream) ?? replayOf(log).allocs.get(stream);
    await history.remove(log, stream);
    expect(log.snapshots.find(FOLDING, stream)).toBeUndefined();
    // A keeper that had the state in its hands must not bring it back either.
    log.snapshots.save(FOLDING, [toSnapshot(stream, folded as NonNullable<typeof folded>)]);
    expect(log.snapshots.find(FOLDING, stream)).toBeUndefined();
    await keeper.finish();
    expect(replayOf(log).events).toBe(0);
    expect(statesOf(replayOf(log))).toEqual(statesOf(replayOf(log, true)));
    await log.close();
    edit(path, 'VACUUM');
  });

  it('are not made of a log in which a stream cannot be folded', async () => {
    const path = join(freshDir(), 'log.db');
    const log = openSqliteEventLog({ path });
    await log.append('alloc/a1', 0, [{ type: 'AllocRemoved', run: 0, at: 1, data: {} }]);
    await keeperOf(log).finish();
    expect(log.snapshots.read(FOLDING)).toBeUndefined();
    expect(replayOf(log).quarantined.size).toBe(1);
    await log.close();
  });

  it('are refused to an agent that was replaced, whose log fails then', async () => {
    const { log, history, path } = await withSnapshots();
    await history.grow(log, 5);
    const keeper = keeperOf(log);
    const newer = openSqliteEventLog({ path });
    newer.setMeta('agentEpoch', '9');
    await keeper.finish();
    expect(log.failure).toMatchObject({ code: 'EPOCH_STALE' });
    expect(newer.snapshots.read(FOLDING)?.through).toBe(300);
    await newer.close();
    await log.close();
  });
});

describe('the keeper of snapshots', () => {
  it('follows the log in the background, a step at a time', async () => {
    const { log, history } = await withSnapshots(600);
    const keeper = keeperOf(log, 200);
    keeper.watch();
    await history.grow(log, 199);
    expect(log.snapshots.read(FOLDING)?.through).toBe(600);
    await history.grow(log, 201);
    await vi.waitFor(() => expect(log.snapshots.read(FOLDING)?.through).toBeGreaterThan(798));
    expect(statesOf(replayOf(log))).toEqual(statesOf(replayOf(log, true)));
    await log.close();
  });

  it('writes only what has changed', async () => {
    const { log, history, path } = await withSnapshots();
    edit(
      path,
      `CREATE TABLE written (stream INTEGER);
      CREATE TRIGGER note AFTER INSERT ON snapshots BEGIN INSERT INTO written VALUES (new.stream); END;`,
    );
    const keeper = keeperOf(log);
    const one = history.pick(history.streams);
    const event = { type: 'DiskLow', run: 0, at: 1, data: { freeBytes: 1, floorBytes: 2 } };
    await log.append('node', log.versionOf('node'), [event]);
    await keeper.finish();
    const connection = connect(path);
    expect(connection.prepare('SELECT count(*) FROM written').pluck().get()).toBe(1);
    connection.close();
    expect(log.snapshots.find(FOLDING, one)).toBeDefined();
    await log.close();
  });

  it('does nothing for a few events', async () => {
    const { log, history } = await withSnapshots();
    await history.grow(log, 9);
    await keeperOf(log, 10).finish();
    expect(log.snapshots.read(FOLDING)?.through).toBe(300);
    await log.close();
  });

  it('saves nothing while starts are held up, and goes on when they are not', async () => {
    const { log, history } = await withSnapshots();
    const gate = new StartGate();
    const keeper = keeperOf(log, 1, gate);
    gate.hold('disk-low');
    keeper.watch();
    await history.grow(log, 200);
    await keeperOf(log, 1, gate).finish();
    expect(log.snapshots.read(FOLDING)?.through).toBe(300);
    gate.release('disk-low');
    await keeper.finish();
    expect(log.snapshots.read(FOLDING)?.through).toBe(500);
    await log.close();
  });

  it('gives up, and lets go of all of them, when a row is not what was written', async () => {
    const { log, history, path } = await withSnapshots();
    await history.grow(log, 20);
    const keeper = keeperOf(log);
    await history.grow(log, 20);
    edit(path, 'UPDATE events SET at = at + 1 WHERE position = 330');
    await keeper.finish();
    expect(log.snapshots.read(FOLDING)).toBeUndefined();
    expect(log.failure).toBeUndefined();
    await log.close();
  });
});

it('a wrong state in a whole snapshot would be seen by the comparison below', async () => {
  const { log } = await withSnapshots();
  const [stream = '', folded] = [...replayOf(log).tasks][0] ?? [];
  const { version = 0, position = 0 } = folded ?? {};
  const state = JSON.stringify({ value: 'dead', context: {} });
  log.snapshots.save(FOLDING, [{ stream, version, position, state }]);
  expect(statesOf(replayOf(log))).not.toEqual(statesOf(replayOf(log, true)));
  await log.close();
});

/** I13: whatever was saved, removed, lost or left half done, an opening knows what the whole log says. */
it('opens to the same states as the whole log, through the random lives of stores', async () => {
  const { numRuns: stores, seed: first = 1 } = tries(6);
  let fromSnapshots = 0;
  for (let seed = first; seed < first + stores; seed += 1) {
    const random = randomOf(seed);
    const history = new RandomLog(random);
    const path = join(freshDir(), 'log.db');
    for (let life = 0; life < 6; life += 1) {
      const log = openSqliteEventLog({ path });
      const replayed = replayOf(log);
      expect({ seed, life, states: statesOf(replayed) }).toEqual({
        seed,
        life,
        states: statesOf(replayOf(log, true)),
      });
      if (replayed.saved > 0) fromSnapshots += 1;
      await live(log, history, keeperOf(log));
      await log.close();
      if (random() < 0.1)
        edit(path, `DELETE FROM snapshots WHERE stream = ${Math.ceil(random() * 9)}`);
    }
  }
  expect(fromSnapshots).toBeGreaterThan(2 * stores);
}, 60_000);

/** Some events and some removals; then the agent ends in order, half done, or at once. */
async function live(log: EventLog, history: RandomLog, keeper: SnapshotKeeper): Promise<void> {
  const { random } = history;
  for (let round = 0; round < 3; round += 1) {
    await history.grow(log, Math.floor(random() * 40));
    if (random() < 0.2 && history.streams.length > 1) {
      const stream = history.pick(history.streams.filter((name) => name !== 'node'));
      if (stream !== undefined) await history.remove(log, stream);
    }
    const { tasks, allocs } = replayOf(log, true);
    // What a keeper leaves that was killed in the middle of its work.
    const half = [...tasks, ...allocs].filter(() => random() < 0.5);
    const states = half.map(([stream, folded]) => toSnapshot(stream, folded));
    if (random() < 0.3) log.snapshots.save(FOLDING, states);
  }
  if (random() < 0.7) await keeper.finish();
}
