/** Damage behind, in and after the snapshots: where it is found, and what an opening makes of it. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FOLDING } from '../../src/actors/fold-row.ts';
import { openReplayed } from '../../src/actors/replay.ts';
import { SnapshotKeeper } from '../../src/actors/snapshot-keeper.ts';
import { StartGate } from '../../src/actors/start-gate.ts';
import { scrub } from '../../src/log/scrub.ts';
import { connect } from '../../src/log/sqlite.ts';
import { silentLogger } from '../../src/ports.ts';
import { freshDir } from '../log/fresh-dir.ts';
import { randomOf } from '../machines/random-facts.ts';
import { RandomLog, replayOf, statesOf } from './random-log.ts';

const logger = silentLogger;
const open = (dir: string) => openReplayed({ dir, logger });

/** A store that was closed in order: 400 events with snapshots, and so many after them. */
async function closedStore(more: number): Promise<string> {
  const dir = freshDir();
  const { store, replayed } = await open(dir);
  const history = new RandomLog(randomOf(7));
  const { log } = store;
  await history.grow(log, 400);
  const gate = new StartGate();
  await new SnapshotKeeper({ log, logger, gate, replayed, closingEvents: 1 }).finish();
  await history.grow(store.log, more);
  await store.log.close();
  return dir;
}

function change(dir: string, position: number): void {
  const connection = connect(join(dir, 'log.db'));
  connection.prepare('UPDATE events SET at = at + 1 WHERE position = ?').run(position);
  connection.close();
}

it('an old row that has rotted is found by the scrub, and recovered from at the next opening', async () => {
  const dir = await closedStore(5);
  change(dir, 200);
  const first = await open(dir);
  expect(first.replayed).toMatchObject({ events: 5, saved: 400 });
  expect(first.store.damage).toBeUndefined();
  await new Promise((found) => {
    const { signal } = new AbortController();
    void scrub(first.store.log, { signal, onDamage: found, firstMs: 0, pauseMs: 0 });
  });
  await first.store.log.close();

  const second = await open(dir);
  expect(second.store.damage).toMatchObject({ reason: expect.stringContaining('position 200') });
  expect(second.store.damage?.lost).toBeGreaterThan(0);
  expect(second.replayed.saved).toBe(0);
  expect(second.store.log.snapshots.read(FOLDING)).toBeUndefined();
  expect(statesOf(second.replayed)).toEqual(statesOf(replayOf(second.store.log, true)));
  await second.store.log.close();
});

it('a row after the snapshots that has rotted is found by the opening, and no snapshot outlives it', async () => {
  const dir = await closedStore(50);
  change(dir, 430);
  const { store, replayed } = await open(dir);
  expect(store.damage).toMatchObject({ reason: expect.stringContaining('position 430') });
  expect(replayed.saved).toBe(0);
  expect(store.log.snapshots.read(FOLDING)).toBeUndefined();
  expect(statesOf(replayed)).toEqual(statesOf(replayOf(store.log, true)));
  await store.log.close();
});
