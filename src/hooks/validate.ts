/** First of all: can this machine run the task at all? */
import { defineHook } from './hook.ts';

export const validate = defineHook({
  name: 'validate',
  async prestart({ task }, { drivers }) {
    await drivers.check(task);
  },
});
