import { expect, it, vi } from 'vitest';
import { taskMachine, taskTable } from '../../src/machines/task-machine.ts';
import { TASK_FACTS } from './random-facts.ts';
import { STEPS, walkBoth } from './walk-both.ts';

vi.setConfig({ testTimeout: 60_000 });

it('the table folds tasks as XState does, value and context, over 20,000 random lawful steps', () => {
  expect(walkBoth(taskTable, taskMachine, TASK_FACTS)).toBe(STEPS);
  expect(STEPS).toBe(20_000);
});
