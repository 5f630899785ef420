import { expect, it } from 'vitest';
import { Sparing } from '../../../src/hooks/changes/sparing.ts';

it('tells a trouble once until it is over, and of ever new ones only so many', () => {
  const told: string[] = [];
  let now = 0;
  const words = new Sparing(
    (text) => told.push(text),
    () => now,
  );
  for (const text of ['a', 'a', 'b', 'b']) words.say('one', text);
  words.say('two', 'b');
  words.isWell('one');
  words.say('one', 'b');
  expect(told).toEqual(['a', 'b', 'b', 'b']);
  for (let number = 0; number < 1_000; number += 1) words.say('one', String(number));
  expect(told).toHaveLength(20);
  now += 120_000;
  for (let number = 0; number < 1_000; number += 1) words.say('one', String(number));
  expect(told).toHaveLength(22);
});
