import { expect, it } from 'vitest';
import { allocMachine, allocTable } from '../../src/machines/alloc-machine.ts';
import { ALLOC_FACTS } from './random-facts.ts';
import { STEPS, walkBoth } from './walk-both.ts';

it('the table folds allocs as XState does, value and context, over 20,000 random lawful steps', () => {
  expect(walkBoth(allocTable, allocMachine, ALLOC_FACTS)).toBe(STEPS);
  expect(STEPS).toBe(20_000);
});
