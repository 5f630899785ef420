import { HoldfastError } from '../errors.ts';
import type { TaskSpec } from '../spec/task-spec.ts';

/** The task that a REF without one can only mean. Errors: USAGE with the names of all tasks. */
export function onlyTask(ref: string, specs: readonly TaskSpec[]): string {
  const [first] = specs;
  if (first !== undefined && specs.length === 1) return first.name;
  const names = specs.map(({ name }) => `${ref}/${name}`);
  const text = `alloc ${ref} has several tasks: name one of ${names.join(', ')}`;
  throw new HoldfastError('USAGE', text, { details: { tasks: names } });
}
