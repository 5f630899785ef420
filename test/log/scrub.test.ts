import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { HoldfastError } from '../../src/errors.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { scrub } from '../../src/log/scrub.ts';
import { openSqliteEventLog } from '../../src/log/sqlite-event-log.ts';
import { connect } from '../../src/log/sqlite.ts';
import { messages, WEB } from './events.ts';
import { freshDir } from './fresh-dir.ts';

async function logOf(events: number) {
  const path = join(freshDir(), 'log.db');
  const log = openSqliteEventLog({ path });
  await log.append(WEB, 0, messages(events));
  const state = { stream: WEB, version: events, position: events, state: '{}' };
  log.snapshots.save('chart', [state], events);
  return { log, path };
}

function damage(path: string, position: number): void {
  const connection = connect(path);
  connection.prepare('UPDATE events SET at = at + 1 WHERE position = ?').run(position);
  connection.close();
}

/** Counts how often all of the log was read. */
function countingReads(log: EventLog) {
  let reads = 0;
  const rows = function* () {
    try {
      yield* log.rows();
    } finally {
      reads += 1;
    }
  };
  const counting = new Proxy(log, {
    get(target, key) {
      const value: unknown = key === 'rows' ? rows : Reflect.get(target, key, target);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
  return { log: counting, reads: () => reads };
}

const QUICK = { firstMs: 1, everyMs: 1, pauseMs: 0, busyPauseMs: 0 };

describe('the scrub', () => {
  it('finds a row that is not what was written, says so once and lets go of the snapshots', async () => {
    const { log, path } = await logOf(1_500);
    damage(path, 1_200);
    const found: HoldfastError[] = [];
    const { signal } = new AbortController();
    await scrub(log, { ...QUICK, signal, onDamage: (error) => found.push(error) });
    expect(found).toMatchObject([{ code: 'EVENT_MALFORMED', details: { position: 1_200 } }]);
    expect(log.snapshots.read('chart')).toBeUndefined();
    expect(log.failure).toBeUndefined();
    await log.close();
  });

  it('finds what rots after it has begun, in a log that is written to', async () => {
    const { log, path } = await logOf(10);
    const found: HoldfastError[] = [];
    const { signal } = new AbortController();
    const scrubbing = scrub(log, { ...QUICK, signal, onDamage: (error) => found.push(error) });
    for (let version = 10; version < 40; version += 10) {
      await log.append(WEB, version, messages(10));
      await pause(2);
    }
    expect(found).toEqual([]);
    damage(path, 3);
    await scrubbing;
    expect(found).toMatchObject([{ details: { position: 3 } }]);
    await log.close();
  });

  it('finds nothing in a sound log, whatever is compacted while it reads', async () => {
    const { log } = await logOf(1_500);
    const { log: counting, reads } = countingReads(log);
    const ending = new AbortController();
    const { signal } = ending;
    const found: HoldfastError[] = [];
    const scrubbing = scrub(counting, { ...QUICK, signal, onDamage: (error) => found.push(error) });
    await log.append('task/a1/db', 0, messages(1_500));
    await log.compact([WEB], 1);
    const seen = reads();
    while (reads() < seen + 3) await pause(1);
    ending.abort();
    await scrubbing;
    expect(found).toEqual([]);
    await log.close();
  });

  it('ends with the log, and when it is told to', async () => {
    const { log } = await logOf(1);
    const ending = new AbortController();
    const { signal } = ending;
    const onDamage = (error: HoldfastError) => expect.unreachable(error.message);
    const untilAborted = scrub(log, { signal, onDamage });
    const untilClosed = scrub(log, { ...QUICK, signal: new AbortController().signal, onDamage });
    ending.abort();
    await untilAborted;
    await log.close();
    await untilClosed;
  });
});
