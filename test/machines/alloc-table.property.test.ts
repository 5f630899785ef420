import { expect, it, vi } from 'vitest';
import { allocMachine, allocTable } from '../../src/machines/alloc-machine.ts';
import { tries } from '../properties/tries.ts';
import { ALLOC_FACTS } from './random-facts.ts';
import { edgesToWalk, walkBoth } from './walk-both.ts';

vi.setConfig({ testTimeout: 600_000 });

it('the table folds allocs as XState does, value and context, on random walks over every lawful edge', () => {
  const walked = walkBoth(tries(4_000).numRuns, allocTable, allocMachine, ALLOC_FACTS);
  expect(edgesToWalk(allocTable).filter((edge) => !walked.has(edge))).toEqual([]);
});
