import { expect, it, vi } from 'vitest';
import { allocMachine, allocTable } from '../../src/machines/alloc-machine.ts';
import { ALLOC_FACTS } from './random-facts.ts';
import { STEPS, walkBoth } from './walk-both.ts';

vi.setConfig({ testTimeout: 60_000 });

it('the table folds allocs as XState does, value and context, over 20,000 random lawful steps', () => {
  expect(walkBoth(allocTable, allocMachine, ALLOC_FACTS)).toBe(STEPS);
  expect(STEPS).toBe(20_000);
});
