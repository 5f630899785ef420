/** Random ladders: what was stored at any schema climbs to today's by every step, and the store stays as it is. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { codecOf, VOCABULARIES } from '../../src/events/codec.ts';
import { anyJson } from '../../src/events/shape.ts';
import { climb, type Upcaster } from '../../src/events/upcasters.ts';
import { connect } from '../../src/log/sqlite.ts';
import { openSqliteEventLog } from '../../src/log/sqlite-event-log.ts';
import { tries } from '../properties/tries.ts';
import { freshDir } from '../log/fresh-dir.ts';

vi.setConfig({ testTimeout: 600_000 });

/** What a step of a real ladder does, as data: what it adds, renames or wraps. */
const step = fc.oneof(
  fc.record({
    does: fc.constant('add' as const),
    key: fc.constantFrom('a', 'b', 'c'),
    value: fc.jsonValue(),
  }),
  fc.record({
    does: fc.constant('rename' as const),
    from: fc.constantFrom('a', 'b'),
    to: fc.constantFrom('b', 'd'),
  }),
  fc.record({ does: fc.constant('wrap' as const), key: fc.constantFrom('inner', 'a') }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const upcaster =
  (one: Step): Upcaster =>
  (data) => {
    const facts = data as Readonly<Record<string, unknown>>;
    if (one.does === 'add') return { ...facts, [one.key]: one.value };
    if (one.does === 'wrap') return { [one.key]: facts };
    const { [one.from]: moved = null, ...rest } = facts;
    return { ...rest, [one.to]: moved };
  };

const steps = fc.array(step, { minLength: 1, maxLength: 6 });
const facts = fc.dictionary(fc.constantFrom('a', 'b', 'x'), fc.jsonValue());
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('climbing', () => {
  it('is every step from the stored schema on, one after the other, and can be done in two parts', () => {
    fc.assert(
      fc.property(steps, facts, fc.nat(), fc.nat(), (chain, data, one, other) => {
        const ladder = { Walked: chain.map(upcaster) };
        const top = chain.length + 1;
        const [from = 1, between = 1] = [1 + (one % top), 1 + (other % top)].toSorted(
          (a, b) => a - b,
        );
        const expected = ladder.Walked.slice(from - 1).reduce(
          (low, up) => up(low),
          data as unknown,
        );
        expect(climb('Walked', data, from, top, ladder)).toEqual(expected);
        const half = climb('Walked', data, from, between, ladder);
        expect(climb('Walked', half, between, top, ladder)).toEqual(expected);
      }),
      tries(100),
    );
  });

  it('never changes what it is given', () => {
    fc.assert(
      fc.property(steps, facts, (chain, data) => {
        const before = JSON.stringify(data);
        climb('Walked', data, 1, chain.length + 1, { Walked: chain.map(upcaster) });
        expect(JSON.stringify(data)).toBe(before);
      }),
      tries(50),
    );
  });

  it('refuses every schema that is newer than today’s, or none', () => {
    fc.assert(
      fc.property(steps, facts, fc.integer({ min: -3, max: 99 }), (chain, data, from) => {
        const top = chain.length + 1;
        fc.pre(from < 1 || from > top);
        expect(() => climb('Walked', data, from, top, { Walked: chain.map(upcaster) })).toThrow(
          expect.objectContaining({ code: 'EVENT_UNKNOWN' }),
        );
      }),
      tries(50),
    );
  });
});

describe('a store that outlived its vocabulary', () => {
  /** The vocabulary of a release after `chain.length` changes of one event. */
  const codecAfter = (chain: readonly Step[]) => {
    const task = { ...VOCABULARIES.task, Walked: { schema: chain.length + 1, data: anyJson } };
    return codecOf({ ...VOCABULARIES, task }, { Walked: chain.map(upcaster) });
  };

  it('is read in today’s words whoever wrote it, keeps its rows, and hides what is newer', async () => {
    const dir = freshDir();
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.array(facts, { minLength: 1, maxLength: 4 }),
        async (chain, written) => {
          count += 1;
          const path = join(dir, `${count}.db`);
          // Release after release, each with one more change, writes the same facts and goes.
          for (let release = 0; release <= chain.length; release += 1) {
            const log = openSqliteEventLog({ path, codec: codecAfter(chain.slice(0, release)) });
            const events = written.map((data) => ({ type: 'Walked', run: 1, at: 1, data }));
            await log.append('task/a/b', log.versionOf('task/a/b'), events);
            await log.close();
          }
          const before = rowsOf(path);
          for (let release = 0; release <= chain.length; release += 1) {
            const known = chain.slice(0, release);
            const log = openSqliteEventLog({ path, codec: codecAfter(known) });
            const read = log.readAll(0).map(({ type, data }) => (type === 'Walked' ? data : type));
            const expected = chain.concat(chain.slice(0, 1)).flatMap((_, writer) =>
              written.map((data) =>
                writer > release
                  ? 'Unreadable'
                  : known
                      .slice(writer)
                      .map(upcaster)
                      .reduce((low, up) => up(low), data as unknown),
              ),
            );
            expect(asJson(read)).toEqual(asJson(expected));
            await log.close();
          }
          expect(rowsOf(path)).toEqual(before);
        },
      ),
      tries(5),
    );
  });

  function rowsOf(path: string): readonly unknown[] {
    const connection = connect(path, { isReadonly: true });
    const rows = connection.prepare('SELECT * FROM events').all();
    connection.close();
    return rows;
  }
});
