import { expect, it } from 'vitest';
import { byteSize } from '../../src/cli/byte-size.ts';

it.each([
  ['2GiB', 2 ** 31],
  ['1.5 GiB', 1.5 * 2 ** 30],
  ['512MiB', 2 ** 29],
  ['10KiB', 10_240],
  ['7B', 7],
  ['0', 0],
])('%s is a size', (text, bytes) => {
  expect(byteSize(text)).toBe(bytes);
});

it.each(['', '5', '2GB', '-1GiB', 'GiB', '2gib', '9999999TiB', '1e3MiB'])('%j is none', (text) => {
  expect(() => byteSize(text)).toThrow('such as 512MiB or 2GiB');
});
