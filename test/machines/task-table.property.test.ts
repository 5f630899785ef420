import { expect, it, vi } from 'vitest';
import { taskMachine, taskTable } from '../../src/machines/task-machine.ts';
import { tries } from '../properties/tries.ts';
import { TASK_FACTS } from './random-facts.ts';
import { edgesToWalk, walkBoth } from './walk-both.ts';

vi.setConfig({ testTimeout: 600_000 });

it('the table folds tasks as XState does, value and context, on random walks over every lawful edge', () => {
  const walked = walkBoth(tries(4_000).numRuns, taskTable, taskMachine, TASK_FACTS);
  expect(edgesToWalk(taskTable).filter((edge) => !walked.has(edge))).toEqual([]);
});
