import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  codecOf,
  decode,
  encode,
  EVENT_LIMIT_BYTES,
  VOCABULARIES,
} from '../../src/events/codec.ts';
import { fields, flag, text } from '../../src/events/shape.ts';
import { tries } from '../properties/tries.ts';

const WEB = 'task/a1/web';
/** Halves of surrogate pairs too: a name or a message may hold them. */
const anyUnit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
const gateOpened = { type: 'GateOpened', run: 0, at: 5, data: { gate: 'main' } };
const message = (words: string) => ({
  type: 'HookMessage',
  run: 1,
  at: 5,
  data: { hook: 'logmon', phase: 'start', message: words },
});

describe('encoding an event', () => {
  it('gives the word, the number of its shape and its data as JSON', () => {
    expect(encode(WEB, gateOpened)).toEqual({
      type: 'GateOpened',
      schema: 1,
      data: '{"gate":"main"}',
    });
  });

  it.each([
    ['a missing field', { ...gateOpened, data: {} }, 'data.gate: missing'],
    [
      'a strange field',
      { ...gateOpened, data: { gate: 'main', by: 1 } },
      'data.by: not a known field',
    ],
    [
      'a run that is no number',
      { ...gateOpened, run: 1.5 },
      'run: expected a whole number, 0 or more',
    ],
    [
      'a time before all times',
      { ...gateOpened, at: -1 },
      'at: expected a whole number, 0 or more',
    ],
  ])('refuses %s and names the path', (_, event, fault) => {
    expect(() => encode(WEB, event)).toThrow(
      expect.objectContaining({
        code: 'EVENT_MALFORMED',
        details: { stream: WEB, type: 'GateOpened', fault },
      }),
    );
  });

  it('refuses a word that nobody knows', () => {
    expect(() => encode(WEB, { ...gateOpened, type: 'toString' })).toThrow(
      expect.objectContaining({ code: 'EVENT_UNKNOWN' }),
    );
  });

  it('refuses a word in a stream of another kind', () => {
    expect(() => encode('node', gateOpened)).toThrow(
      expect.objectContaining({ code: 'EVENT_MALFORMED' }),
    );
  });

  it.each(['', 'task/a1', 'alloc/a1/b', 'task/a1/we\nb', 'task/a1/\ud800'])(
    'refuses %j as the name of a stream',
    (stream) => {
      expect(() => encode(stream, gateOpened)).toThrow(
        expect.objectContaining({ code: 'EVENT_MALFORMED' }),
      );
    },
  );

  it('counts bytes, not characters, and refuses more than the limit', () => {
    const around = JSON.stringify(message('').data).length;
    const room = EVENT_LIMIT_BYTES - around;
    expect(encode(WEB, message('a'.repeat(room))).data).toHaveLength(EVENT_LIMIT_BYTES);
    for (const words of ['a'.repeat(room + 1), '€'.repeat(Math.ceil((room + 1) / 3))]) {
      expect(() => encode(WEB, message(words))).toThrow(/bytes, more than the 65536/);
    }
  });

  it('refuses what JSON cannot hold', () => {
    const spec: Record<string, unknown> = {};
    spec['itself'] = spec;
    const facts = { spec, specHash: 'x', version: 2, changes: [] };
    const event = { type: 'AllocUpdated', run: 0, at: 5, data: facts };
    expect(() => encode('alloc/a1', event)).toThrow(/data: cannot be JSON/);
  });
});

describe('decoding a row', () => {
  it('gives back any event that was encoded', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyUnit }), fc.nat(), fc.nat(), (words, run, at) => {
        const event = { ...message(words), run, at };
        const row = { ...encode(WEB, event), stream: WEB, run, at };
        expect(decode(row)).toEqual(JSON.parse(JSON.stringify(event)));
      }),
      tries(100),
    );
  });

  it('refuses a word that is newer than this code', () => {
    const row = { type: 'TaskTeleported', schema: 1, data: '{}', stream: WEB, run: 0, at: 5 };
    expect(() => decode(row)).toThrow(expect.objectContaining({ code: 'EVENT_UNKNOWN' }));
  });

  it('refuses a shape that is newer than this code', () => {
    const row = { ...encode(WEB, gateOpened), schema: 2, stream: WEB, run: 0, at: 5 };
    expect(() => decode(row)).toThrow(
      expect.objectContaining({
        code: 'EVENT_UNKNOWN',
        details: { type: 'GateOpened', schema: 2, known: 1 },
      }),
    );
  });

  it.each(['{"gate"', '{"gate":"side"}', 'null'])('refuses %s as the data of an event', (data) => {
    const row = { ...encode(WEB, gateOpened), data, stream: WEB, run: 0, at: 5 };
    expect(() => decode(row)).toThrow(expect.objectContaining({ code: 'EVENT_MALFORMED' }));
  });

  it('carries an old shape up to the present one', () => {
    const shape = fields({ name: text, isCalm: flag });
    const task = { ...VOCABULARIES.task, Renamed: { schema: 3, data: shape } };
    const codec = codecOf(
      { ...VOCABULARIES, task },
      {
        Renamed: [
          (old) => ({ name: (old as { title: string }).title }),
          (old) => ({ ...(old as object), isCalm: true }),
        ],
      },
    );
    const row = { type: 'Renamed', schema: 1, data: '{"title":"x"}', stream: WEB, run: 2, at: 5 };
    expect(codec.decode(row)).toEqual({
      type: 'Renamed',
      run: 2,
      at: 5,
      data: { name: 'x', isCalm: true },
    });
  });
});
