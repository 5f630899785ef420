/** What can be said of a store without an agent: is it sound, what is in it, and its events again. */
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FOLDING, toSnapshot } from '../../src/actors/fold-row.ts';
import { emptyReplay, replayLog } from '../../src/actors/replay.ts';
import type { PublicEvent } from '../../src/api.ts';
import { exportStore, type ExportQuery } from '../../src/doctor/store-export.ts';
import { storeSummary } from '../../src/doctor/store-summary.ts';
import { verifyStore } from '../../src/doctor/store-verdict.ts';
import { codecOf, VOCABULARIES } from '../../src/events/codec.ts';
import { fields, text } from '../../src/events/shape.ts';
import { layoutOf } from '../../src/layout.ts';
import type { StreamSnapshot } from '../../src/log/snapshot-cache.ts';
import { publicEvent } from '../../src/projections/public-event.ts';
import { freshDir } from '../log/fresh-dir.ts';
import { ALLOC_ID, change, FETCH, madeStore, pictureOf, type MadeStore } from './stores.ts';

const never = (fault: unknown) => {
  throw new Error(JSON.stringify(fault));
};

function exported(
  place: Pick<MadeStore, 'path' | 'markPath'>,
  query: ExportQuery = {},
  onFault: (fault: unknown) => void = never,
) {
  return [...exportStore(place, query, onFault).events];
}

async function closedStore(): Promise<MadeStore> {
  const made = await madeStore();
  await made.log.close();
  return made;
}

describe('a sound store', () => {
  it.each(['closed', 'held by an agent'])(
    'that is %s has no fault and is not touched',
    async (is) => {
      const made = is === 'closed' ? await closedStore() : await madeStore();
      // The index of the write-ahead log is where readers sign in.
      const before = pictureOf(made.dataDir).filter((name) => !name.includes('-shm'));
      const verdict = verifyStore(made);
      exported(made);
      storeSummary(made);
      expect(verdict).toEqual({ path: made.path, head: 34, events: 34, faults: [] });
      expect(pictureOf(made.dataDir).filter((name) => !name.includes('-shm'))).toEqual(before);
      expect(pictureOf(made.dataDir)).toHaveLength(before.length + (is === 'closed' ? 0 : 1));
    },
  );

  it('is sound after a compaction and whatever came after it', async () => {
    const made = await madeStore();
    await made.log.compact([FETCH], 1);
    await made.log.append(`alloc/later`, 0, []);
    await made.log.compact([`task/${ALLOC_ID}/work`], 2);
    expect(verifyStore(made).faults).toEqual([]);
    expect(storeSummary(made)).toMatchObject({ head: 36, removed: 2, streams: 2 });
  });

  it('is one without any event too, also half made', async () => {
    const path = join(freshDir(), 'log.db');
    writeFileSync(path, '');
    expect(verifyStore({ path, markPath: undefined })).toMatchObject({ head: 0, faults: [] });
  });
});

const RELEASES = new URL('../fixtures/releases/', import.meta.url).pathname;

describe('the store of a release', () => {
  it.each(readdirSync(RELEASES))('%s is sound, and is not touched', (release) => {
    const { storeDir } = layoutOf(join(RELEASES, release, 'data'));
    const before = pictureOf(storeDir);
    const place = { path: join(storeDir, 'log.db'), markPath: join(storeDir, 'head') };
    expect(verifyStore(place).faults).toEqual([]);
    expect(pictureOf(storeDir)).toEqual(before);
  });
});

describe('a fault', () => {
  it.each([
    [
      'is an event that is not what was written',
      'UPDATE events SET at = at + 1 WHERE position = 3',
      [{ position: 3, stream: FETCH, fault: 'the checksum is wrong' }],
    ],
    [
      'is an event without a stream',
      'PRAGMA foreign_keys = OFF; UPDATE events SET stream = 99 WHERE position = 34',
      [{ position: 34, stream: null, fault: 'stream number 99 has no name' }],
    ],
    [
      'are missing events at the end',
      'DELETE FROM events WHERE position > 31',
      [{ position: 32, stream: null, fault: '3 events from here on are missing' }],
    ],
    [
      'are a missing event and the gap it leaves in its stream',
      'DELETE FROM events WHERE position = 3',
      [
        { position: 3, stream: null, fault: 'the event is missing' },
        { position: 5, stream: FETCH, fault: 'version 3 where 2 should follow' },
      ],
    ],
  ])('%s', async (_, sql, faults) => {
    const made = await closedStore();
    change(made.path, sql);
    const verdict = verifyStore(made);
    const placed = verdict.faults.filter(({ position }) => position !== null);
    expect(placed).toEqual(faults);
    const told = new Set<unknown>();
    exported(made, {}, (fault) => told.add(fault));
    expect(told).toEqual(new Set(verdict.faults));
  });

  it('is an index that leads elsewhere', async () => {
    const made = await madeStore();
    await made.log.compact([FETCH], 1);
    await made.log.close();
    change(made.path, `UPDATE stream_events SET positions = '[1,2]' WHERE stream = 1`);
    const [fault, ...more] = verifyStore(made).faults;
    expect(fault?.fault).toMatch(/^the index of alloc\/\S+ has 2 events and does not fit the \d /);
    expect(more).toEqual([]);
  });

  it('is a number that its own events belie', async () => {
    const made = await closedStore();
    change(made.path, `UPDATE sqlite_sequence SET seq = 40`);
    expect(verifyStore(made).faults).toEqual([
      { position: 35, stream: null, fault: '6 events from here on are missing' },
      {
        position: null,
        stream: null,
        fault:
          'what the store says of itself is wrong: positions up to 40 were given, and the last event is at 34',
      },
    ]);
  });

  it('is a log that is shorter than the mark beside it says, and a mark that is missing', async () => {
    const made = await closedStore();
    const mark = JSON.parse(readFileSync(made.markPath, 'utf8')) as Record<string, unknown>;
    writeFileSync(made.markPath, JSON.stringify({ ...mark, head: 40, check: undefined }));
    const shorter = 'the log ends at 34, and had come to 40';
    expect(verifyStore(made).faults).toEqual([{ position: null, stream: null, fault: shorter }]);
    rmSync(made.markPath);
    const missing = 'nothing beside the store says how far the log had come';
    expect(verifyStore(made).faults).toMatchObject([{ fault: missing }]);
    expect(verifyStore({ path: made.path, markPath: undefined }).faults).toEqual([]);
  });

  it('is an event that nobody knows, and one that its chart does not allow', async () => {
    const task = { ...VOCABULARIES.task, Strange: { schema: 3, data: fields({ from: text }) } };
    const made = await madeStore({ codec: codecOf({ ...VOCABULARIES, task }) });
    const { log } = made;
    const strange = { type: 'Strange', run: 1, at: 9, data: { from: 'tomorrow' } };
    await log.append(FETCH, log.versionOf(FETCH), [strange]);
    const work = `task/${ALLOC_ID}/work`;
    const started = { type: 'PrestartCompleted', run: 0, at: 9, data: {} };
    await log.append(work, log.versionOf(work), [started, started]);
    expect(verifyStore(made).faults).toMatchObject([
      { position: 35, stream: FETCH, fault: expect.stringContaining('not in the vocabulary') },
      { position: 36, stream: work, fault: expect.stringContaining('is not lawful in state dead') },
    ]);
  });

  it('is whatever SQLite finds in a file that was cut off, of which the rest is read', async () => {
    const made = await closedStore();
    truncateSync(made.path, statSync(made.path).size - 4_096);
    const { faults } = verifyStore(made);
    expect(faults.map(({ fault }) => fault).join()).toContain('malformed');
    expect(exported(made, {}, () => undefined).length).toBeGreaterThan(0);
  });
});

describe('snapshots', () => {
  /** A store with a snapshot of every stream. */
  async function withSnapshots(): Promise<
    MadeStore & { readonly saved: readonly StreamSnapshot[] }
  > {
    const made = await madeStore();
    const replayed = emptyReplay();
    replayLog(made.log, replayed);
    const states = [...replayed.unsaved].map(([stream, folded]) => toSnapshot(stream, folded));
    made.log.snapshots.save(FOLDING, states, replayed.through);
    return { ...made, saved: [...(made.log.snapshots.read(FOLDING)?.states ?? [])] };
  }

  it('that are what the events fold to are no fault', async () => {
    const made = await withSnapshots();
    expect(made.saved).toHaveLength(3);
    expect(verifyStore(made).faults).toEqual([]);
    expect(storeSummary(made).snapshots).toBe(3);
  });

  it.each([
    [
      'a changed state',
      (one: StreamSnapshot) => ({ ...one, state: one.state.replace('dead', 'running') }),
      /^the snapshot is not what the events fold to$/,
    ],
    ['a wrong position', (one: StreamSnapshot) => ({ ...one, position: 1 }), /not what the events/],
    [
      'a version that never was',
      (one: StreamSnapshot) => ({ ...one, version: 99 }),
      /of an event that is not there$/,
    ],
  ])('with %s are found', async (_, change, fault) => {
    const made = await withSnapshots();
    const ofFetch = made.saved.find(({ stream }) => stream === FETCH) as StreamSnapshot;
    made.log.snapshots.save(FOLDING, [change(ofFetch)]);
    expect(verifyStore(made).faults).toMatchObject([
      { stream: FETCH, fault: expect.stringMatching(fault) },
    ]);
  });

  it('that are not all there, or not what was saved, are found', async () => {
    const made = await withSnapshots();
    change(made.path, 'DELETE FROM snapshots WHERE stream = 1');
    expect(verifyStore(made).faults).toMatchObject([
      { position: 1, fault: 'the stream has no snapshot' },
    ]);
    change(made.path, `UPDATE snapshots SET data = replace(data, 'dead', 'Dead')`);
    expect(verifyStore(made).faults).toMatchObject([
      { fault: expect.stringMatching(/^the snapshot of task\S+ is not what was saved$/) },
    ]);
  });

  it('of other code are nobody’s business', async () => {
    const made = await withSnapshots();
    made.log.snapshots.save(
      'other code',
      made.saved.map((one) => ({ ...one, state: '{}' })),
      34,
    );
    expect(verifyStore(made).faults).toEqual([]);
  });
});

describe('what is no store', () => {
  it.each([
    ['that is not there', 'NOT_FOUND', () => undefined],
    ['that is a directory', 'STORE_CORRUPT', (path: string) => mkdirSync(path)],
    ['that is a text', 'STORE_CORRUPT', (path: string) => writeFileSync(path, 'x'.repeat(9_999))],
    [
      'that is of another program',
      'STORE_CORRUPT',
      (path: string) => change(path, 'CREATE TABLE birds (name)'),
    ],
  ])('a file %s is refused', (_, code, make) => {
    const path = join(freshDir(), 'log.db');
    make(path);
    for (const read of [verifyStore, storeSummary]) {
      const place = { path, markPath: undefined, dataDir: undefined };
      expect(() => read(place)).toThrow(expect.objectContaining({ code }));
    }
    expect(() => exported({ path, markPath: '' })).toThrow(expect.objectContaining({ code }));
  });

  it('a store of a newer version is refused with both versions, and left alone', async () => {
    const made = await closedStore();
    change(made.path, 'PRAGMA user_version = 9');
    const before = pictureOf(made.dataDir);
    expect(() => verifyStore(made)).toThrow(/version 9; this version of Holdfast reads up to \d/);
    expect(pictureOf(made.dataDir)).toEqual(before);
  });
});

describe('a summary', () => {
  it('tells what is in a store, who wrote it and what lies beside it', async () => {
    const made = await madeStore();
    made.log.setMeta('agentEpoch', '3');
    const data = { pid: 7, version: '0.9.0', machineEpoch: 'm', instanceId: 'i' };
    const at = Date.parse('2026-01-02T03:04:05Z');
    await made.log.append('node', made.log.versionOf('node'), [
      { type: 'AgentStarted', run: 0, at, data: { agentEpoch: 3, ...data } },
    ]);
    copyFileSync(made.path, join(dirname(made.path), 'log.db.damaged-20260101T000000000Z'));
    const summary = storeSummary(made);
    expect(summary).toMatchObject({
      storeId: made.log.storeId,
      head: 35,
      oldest: 1,
      events: 35,
      agents: 1,
      lastAgent: { agentEpoch: 3, pid: 7, version: '0.9.0', startedAt: '2026-01-02T03:04:05.000Z' },
      lockedBy: null,
      faults: 0,
      aside: [{ name: 'log.db.damaged-20260101T000000000Z' }],
    });
    expect(summary.eventsByType.reduce((sum, { events }) => sum + events, 0)).toBe(35);
    expect(summary.eventsByType[0]).toEqual({ type: 'HookCompleted', events: 9 });
  });
});

describe('an export', () => {
  const expected = (made: MadeStore): readonly PublicEvent[] =>
    made.log.readAll(0).map((event) => publicEvent(event, () => 'load'));

  it('gives what subscribers got, and no token', async () => {
    const made = await madeStore();
    const events = exported(made);
    expect(events).toEqual(expected(made));
    expect(JSON.stringify(events)).not.toContain('token');
    await made.log.close();
    expect(exported(made)).toEqual(events);
  });

  it('begins after a position, and is about an alloc or a task', async () => {
    const made = await madeStore();
    const positions = (query: ExportQuery) => exported(made, query).map((e) => e.position);
    expect(positions({ after: 30 })).toEqual([31, 32, 33, 34]);
    expect(positions({ after: 34 })).toEqual([]);
    const ofFetch = expected(made).filter(({ task }) => task === 'fetch');
    expect(exported(made, { ref: 'load/fetch' })).toEqual(ofFetch);
    expect(exported(made, { ref: ALLOC_ID.slice(0, 6) })).toHaveLength(34);
    expect(() => positions({ ref: 'nobody' })).toThrow('there is no alloc "nobody"');
    expect(() => positions({ after: 35 })).toThrow('position 35 is ahead of the head 34');
  });

  it('gives everything that a compaction left, and never skips for those who name a position', async () => {
    const made = await madeStore();
    await made.log.compact([FETCH], 1);
    const { oldest } = exportStore(made, {}, never);
    expect(exported(made).map((event) => event.position)).toEqual(
      [...made.log.rows()].map((row) => row.position),
    );
    expect(() => exported(made, { after: oldest - 2 })).toThrow(
      expect.objectContaining({ code: 'POSITION_COMPACTED', details: { oldest } }),
    );
    expect(exported(made, { after: oldest - 1 })[0]?.position).toBe(oldest);
  });

  it.each([4_096, 0])(
    'names what is wrong with a file of which %d bytes are left',
    async (left) => {
      const made = await closedStore();
      truncateSync(made.path, left);
      const faults: unknown[] = [];
      expect(exported(made, {}, (fault) => faults.push(fault))).toEqual([]);
      expect(verifyStore(made).faults).toEqual(expect.arrayContaining(faults));
      expect(faults).toContainEqual({
        position: null,
        stream: null,
        fault: 'the log ends at 0, and had come to 34',
      });
    },
  );
});
