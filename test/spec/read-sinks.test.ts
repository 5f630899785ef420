import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import { readSinks } from '../../src/spec/read-sinks.ts';

const HOOK = { type: 'webhook', name: 'hook', url: 'https://example.net/in' };
const problems = (written: unknown): unknown => {
  try {
    readSinks(written);
    return [];
  } catch (error) {
    expect(error).toMatchObject({ code: 'USAGE' });
    return (error as HoldfastError).details['problems'];
  }
};

it('the guide shows sinks that are taken', () => {
  const guide = readFileSync(new URL('../../docs/guide/sinks.md', import.meta.url), 'utf8');
  const pieces = [...guide.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, piece = '']) => piece);
  expect(pieces.flatMap((piece) => readSinks(parse(piece)).map(({ type }) => type))).toEqual([
    'webhook',
    'file',
    'nats',
  ]);
});

describe('a list of sinks', () => {
  it('is completed with what is usual', () => {
    expect(readSinks({ sinks: [HOOK] })).toEqual([
      {
        ...HOOK,
        start: 'now',
        batchEvents: 100,
        form: 'cloudevents',
        timeout: '15s',
        allowPlainHttp: false,
      },
    ]);
    expect(readSinks([])).toEqual([]);
  });

  it.each([
    [
      [{ ...HOOK, secretfile: '/a' }],
      'sinks[0].secretfile is not a known key. Did you mean secretFile?',
    ],
    [[{ ...HOOK, secret_file: 'a' }], 'sinks[0].secret_file must be an absolute path'],
    [[{ ...HOOK, type: 'webhok' }], 'sinks[0].type'],
    [[{ ...HOOK, name: 'No' }], 'sinks[0].name must be 1 to 63 small letters'],
    [[{ type: 'webhook', name: 'a' }], 'sinks[0].url is missing'],
    [[{ ...HOOK, url: 'ftp://a' }], 'sinks[0].url must begin with https:'],
    [[{ ...HOOK, url: 'https://me:secret@a' }], 'sinks[0].url must not hold a password'],
    [[{ ...HOOK, url: 'http://example.net' }], 'sinks[0].url is not encrypted'],
    [[{ ...HOOK, certFile: '/a' }], 'sinks[0].certFile needs the other'],
    [[{ ...HOOK, timeout: '1h' }], 'sinks[0].timeout must be from 100ms to 10m'],
    [[HOOK, HOOK], 'sinks[1].name is taken'],
    [
      [
        { type: 'file', name: 'a', path: '/x' },
        { type: 'file', name: 'b', path: '/x' },
      ],
      'sinks[1].path is written by another sink already',
    ],
    [[{ type: 'nats', name: 'n', servers: [] }], 'sinks[0].servers must have at least one entry'],
    [[{ type: 'nats', name: 'n', servers: ['http://a'] }], 'sinks[0].servers[0] must begin'],
    [[{ type: 'nats', name: 'n', servers: ['nats://a'], subject: 'a.>' }], 'sinks[0].subject'],
    ['text', 'sinks must be a list'],
  ])('is refused with what is wrong: %j', (written, text) => {
    expect(problems(written)).toEqual([expect.stringContaining(text)]);
  });

  it('may name this machine without a certificate, and others when that is wanted', () => {
    for (const url of ['http://127.0.0.1:1/a', 'http://localhost', 'http://[::1]:80/']) {
      expect(problems([{ ...HOOK, url }])).toEqual([]);
    }
    expect(problems([{ ...HOOK, url: 'http://example.net', allowPlainHttp: true }])).toEqual([]);
  });

  it('never shows what may be a password', () => {
    expect(JSON.stringify(problems([{ ...HOOK, url: 'https://me:hunter2@a' }]))).not.toContain(
      'hunter2',
    );
  });

  it('that is anything at all is read, or refused in words', () => {
    const key = fc.constantFrom(
      'type',
      'name',
      'url',
      'path',
      'servers',
      'types',
      'timeout',
      'sinks',
    );
    const value = fc.oneof(
      fc.constantFrom('webhook', 'file', 'nats', 'a', '/x', 'https://a', '15s', '__proto__'),
      fc.jsonValue(),
      fc.array(fc.string(), { maxLength: 2 }),
    );
    const sink = fc.dictionary(key, value, { maxKeys: 8 });
    fc.assert(
      fc.property(fc.oneof(fc.array(sink, { maxLength: 3 }), fc.anything(), sink), (written) => {
        try {
          expect(Array.isArray(readSinks(written))).toBe(true);
        } catch (error) {
          expect(HoldfastError.is(error, 'USAGE')).toBe(true);
          expect((error as Error).message).not.toBe('');
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
