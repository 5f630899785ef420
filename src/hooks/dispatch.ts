/** Writes the payload that the group was run with into a file of the task, once. */
import { HoldfastError } from '../errors.ts';
import { defineHook } from './hook.ts';
import { placeFile } from './place-file.ts';

const OWNER_ONLY = 0o600;

export const dispatch = defineHook({
  name: 'dispatch',
  when: ({ dispatchPayload }) => dispatchPayload !== undefined,
  async prestart({ task, dirs }, { payload, drivers }) {
    const { file = '' } = task.dispatchPayload ?? {};
    const content = await payload();
    if (content === undefined) {
      const text = 'the payload that the group was run with is gone: run the group again with it';
      throw new HoldfastError('HOOK_FAILED', text);
    }
    const owner = await drivers.ownerOf(task);
    const steps = ['local', ...file.split('/')];
    await placeFile({ root: dirs.task, steps, content, mode: OWNER_ONLY, owner });
    return { isDone: true };
  },
});
