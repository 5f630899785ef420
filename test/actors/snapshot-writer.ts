/**
 * Opens the store of a directory and says in one line of JSON what it found; then writes random histories into it,
 * with snapshots close behind, and says how far both have come, until it is killed.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { FOLDING } from '../../src/actors/fold-row.ts';
import { openReplayed } from '../../src/actors/replay.ts';
import { SnapshotKeeper } from '../../src/actors/snapshot-keeper.ts';
import { StartGate } from '../../src/actors/start-gate.ts';
import { silentLogger } from '../../src/ports.ts';
import { randomOf } from '../machines/random-facts.ts';
import { RandomLog, replayOf, statesOf } from './random-log.ts';

const [dir = '', seed = '1'] = process.argv.slice(2);
const say = (what: unknown) => process.stdout.write(`${JSON.stringify(what)}\n`);
const logger = silentLogger;
const { store, replayed } = await openReplayed({ dir, logger });
const { log, damage } = store;
say({
  head: log.head,
  saved: replayed.saved,
  isWhole: isDeepStrictEqual(statesOf(replayed), statesOf(replayOf(log, true))),
  quarantined: replayed.quarantined.size,
  damage: damage?.reason ?? null,
});
const gate = new StartGate();
new SnapshotKeeper({ log, logger, gate, replayed, everyEvents: 100 }).watch();
const history = new RandomLog(randomOf(Number(seed)));
for (;;) {
  await history.grow(log, 20);
  say({ head: log.head, saved: log.snapshots.read(FOLDING)?.through ?? 0 });
  await nextTurn();
}
