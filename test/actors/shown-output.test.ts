import { describe, expect, it } from 'vitest';
import { withoutSecrets } from '../../src/actors/shown-output.ts';

const SECRET = 'p4ss "word" of the day';

describe('what is shown of output', () => {
  it.each([
    ['as it is', SECRET],
    ['as JSON has it', JSON.stringify(SECRET).slice(1, -1)],
    ['as an address has it', encodeURIComponent(SECRET)],
    ['in base64', Buffer.from(SECRET).toString('base64')],
    ['in hexadecimal', Buffer.from(SECRET).toString('hex')],
  ])('holds no secret %s', (_how, form) => {
    expect(withoutSecrets(`key: ${form}, again ${form}.`, [SECRET])).toBe(
      'key: [secret], again [secret].',
    );
  });

  it('holds no line of a secret that has several', () => {
    const key = '-----BEGIN KEY-----\nabcdefghijkl\n-----END KEY-----\n';
    expect(withoutSecrets('> abcdefghijkl <', [key])).toBe('> [secret] <');
  });

  it('holds no part of one where the output was cut off', () => {
    expect(withoutSecrets('of the day and more', [SECRET])).toBe('[secret] and more');
    expect(withoutSecrets('it is p4ss "wo', [SECRET])).toBe('it is [secret]');
  });

  it('is what was written where there is no secret, and where one is empty', () => {
    expect(withoutSecrets('all is well', [SECRET, '', '\n'])).toBe('all is well');
  });

  it('takes out a secret that another one holds only as the whole of it', () => {
    expect(withoutSecrets('abcdef abc', ['abc', 'abcdef'])).toBe('[secret] [secret]');
  });
});
