/** Random lives of a log, in memory and on a disk, against a list. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import type { Recorded } from '../../src/events/envelope.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openMemoryEventLog } from '../../src/log/memory-event-log.ts';
import { openSqliteEventLog } from '../../src/log/sqlite-event-log.ts';
import { tries } from '../properties/tries.ts';
import { altered, type Alteration } from './altered-log.ts';
import { freshDir } from './fresh-dir.ts';
import { type Appends, eventOf, histories, LogModel, type Step, STREAMS } from './log-model.ts';

vi.setConfig({ testTimeout: 600_000 });

/** A log that can be closed and opened again, or dies. */
interface Home {
  log: EventLog;
  /** What another process finds after this one was killed; undefined where nothing outlives the process. */
  crash?(): EventLog;
  reopen?(): EventLog;
}

const HOMES: Readonly<Record<string, (dir: string) => Home>> = {
  'in memory': () => ({ log: openMemoryEventLog() }),
  'on a disk'(dir) {
    let path = join(dir, 'log.db');
    let lives = 0;
    return {
      log: openSqliteEventLog({ path }),
      reopen: () => openSqliteEventLog({ path }),
      crash() {
        lives += 1;
        const copy = join(dir, `${lives}.db`);
        for (const suffix of ['', '-wal']) copyFileSync(path + suffix, copy + suffix);
        path = copy;
        return openSqliteEventLog({ path });
      },
    };
  },
};

const placeOf = ({ position, stream, version, type, at }: Recorded) => {
  return { position, stream, version, type, at };
};

/** Starts appends in one turn; the promise is of all of them, each compared with the model. */
function append(log: EventLog, model: LogModel, appends: Appends): Promise<unknown> {
  const compared = appends.map(async ({ stream, count, isStale }) => {
    const version = model.versionOf(stream);
    const events = Array.from({ length: count }, (_, index) => eventOf(stream, model.head + index));
    const appended = log.append(stream, isStale ? version + 1 : version, events);
    if (isStale) {
      await expect(appended).rejects.toMatchObject({ code: 'VERSION_CONFLICT' });
    } else {
      const entries = model.append(stream, events);
      expect((await appended).map(placeOf)).toEqual(entries);
    }
  });
  return Promise.all(compared);
}

async function take(home: Home, model: LogModel, step: Step): Promise<void> {
  const { log } = home;
  switch (step.does) {
    case 'append':
      return void (await append(log, model, step.appends));
    case 'compact': {
      // What waits in the same turn is written before the compaction.
      const appended = append(log, model, step.appends);
      const expected = model.compact(step.streams, 7);
      const summary = await log.compact(step.streams, 7);
      expect(summary.data).toEqual({ streams: step.streams, ...expected });
      return void (await appended);
    }
    case 'setMeta':
      log.setMeta(step.key, step.value);
      return void model.meta.set(step.key, step.value);
    case 'reopen': {
      if (home.reopen === undefined) return;
      const appended = append(log, model, step.appends);
      await log.close();
      await appended;
      return void (home.log = home.reopen());
    }
    case 'crash': {
      if (home.crash === undefined) return;
      // Asked for in this turn and not answered yet: as if they had never been.
      const unanswered = append(log, new LogModelView(model), step.appends);
      home.log = home.crash();
      await log.close();
      return void (await unanswered);
    }
    case 'read':
      return compareReading(log, model, step);
    case 'readStream': {
      const { stream, after } = step;
      const expected = model.kept.filter((one) => one.stream === stream && one.version > after);
      return expect(log.readStream(stream, after).map(placeOf)).toEqual(expected);
    }
  }
}

/** A model that may run ahead of its original. */
class LogModelView extends LogModel {
  constructor(model: LogModel) {
    super();
    this.ever.push(...model.ever);
    for (const [stream, version] of model.versions) this.versions.set(stream, version);
  }
}

function compareReading(log: EventLog, model: LogModel, step: Extract<Step, { does: 'read' }>) {
  const { after, limit, prefixes, types } = step;
  const options = {
    limit,
    ...(prefixes === null ? {} : { streamPrefixes: prefixes }),
    ...(types === null ? {} : { types }),
  };
  const read = () => log.readAll(after, options).map(placeOf);
  if (after > model.head) return expect(codeOf(read)).toBe('POSITION_AHEAD');
  if (after < model.compactedThrough) return expect(codeOf(read)).toBe('POSITION_COMPACTED');
  const wanted = model.kept.filter(
    ({ position, stream, type }) =>
      position > after &&
      (prefixes === null || prefixes.some((prefix) => stream.startsWith(prefix))) &&
      (types === null || types.includes(type)),
  );
  expect(read()).toEqual(wanted.slice(0, limit));
}

function codeOf(read: () => unknown): string {
  try {
    read();
    return 'none';
  } catch (error) {
    return HoldfastError.from(error).code;
  }
}

/** All that a log says of itself, at any moment. */
function compareAll(log: EventLog, model: LogModel): void {
  expect([log.head, log.oldest]).toEqual([model.head, model.compactedThrough + 1]);
  const rows = [...log.rows()].map(({ position, stream, version, type, at }) => {
    return { position, stream, version, type, at };
  });
  expect(rows).toEqual(model.kept);
  for (const stream of STREAMS) expect(log.versionOf(stream)).toBe(model.versionOf(stream));
  for (const [key, value] of model.meta) expect(log.getMeta(key)).toBe(value);
}

async function live(home: Home, steps: readonly Step[]): Promise<void> {
  const model = new LogModel();
  const { storeId } = home.log;
  try {
    for (const step of steps) {
      await take(home, model, step);
      compareAll(home.log, model);
    }
    expect(home.log.storeId).toBe(storeId);
  } finally {
    await home.log.close();
  }
}

describe.each(Object.keys(HOMES))('a log %s', (name) => {
  it('is the same as a list, whatever is done to it', async () => {
    const open = HOMES[name] as (dir: string) => Home;
    const dir = freshDir();
    let lives = 0;
    await fc.assert(
      fc.asyncProperty(histories, (steps) => {
        lives += 1;
        const own = join(dir, String(lives));
        mkdirSync(own);
        return live(open(own), steps);
      }),
      tries(15),
    );
  });
});

/** What each of these breaks, the comparison must see. */
const BROKEN: Readonly<Record<string, Alteration>> = {
  'gives a removed name away again': (log) => ({
    versionOf: (stream) => (log.readStream(stream).length === 0 ? 0 : log.versionOf(stream)),
  }),
  'skips what was compacted away without a word': (log) => ({
    readAll: (after, options) => log.readAll(Math.max(after, log.oldest - 1), options),
  }),
  'loses the last event of a page': (log) => ({
    readAll: (after, options = {}) =>
      log.readAll(after, options).slice(0, (options.limit ?? 2) - 1),
  }),
  'knows a longer name by its beginning': (log) => ({
    readStream: (stream, after = 0) => [
      ...log.readStream(stream, after),
      ...log.readStream(`${stream}2`, after),
    ],
  }),
};

describe('the comparison with a list', () => {
  it.each(Object.keys(BROKEN))('finds a log that %s (a control)', async (name) => {
    const log = () => altered(openMemoryEventLog(), BROKEN[name] as Alteration);
    const property = fc.asyncProperty(histories, (steps) => live({ log: log() }, steps));
    const found = await fc.check(property, { numRuns: 300, seed: 7, endOnFailure: true });
    expect(found.errorInstance).toMatchObject({ name: 'AssertionError' });
  });
});
