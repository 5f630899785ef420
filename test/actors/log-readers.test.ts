/** Who reads keeps what he reads. */
import { expect, it } from 'vitest';
import { LogReaders } from '../../src/actors/log-readers.ts';

it('nothing is taken while somebody reads, and the last one who leaves is told of', () => {
  const readers = new LogReaders();
  let told = 0;
  const unwatch = readers.watch(() => (told += 1));
  const [one, two] = [readers.enter('a'), readers.enter('a')];
  expect([readers.take('a'), readers.take('b')]).toEqual([false, true]);
  one();
  // Twice is once.
  one();
  expect([readers.countOf('a'), told]).toEqual([1, 0]);
  two();
  expect([readers.countOf('a'), told, readers.take('a')]).toEqual([0, 1, true]);
  unwatch();
});

it('what was taken has no more readers, until it is given back', () => {
  const readers = new LogReaders();
  expect(readers.take('a')).toBe(true);
  expect(() => readers.enter('a')).toThrow('alloc a is being removed, with its output');
  readers.giveBack('a');
  expect(() => readers.enter('a')()).not.toThrow();
});
