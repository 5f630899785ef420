/**
 * Makes the directories of the task. They are removed with the alloc, not with the task: siblings may read them.
 * Synchronous calls on purpose: seven directories take a tenth of a millisecond, and seven trips to the thread pool
 * ten times that.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineHook } from './hook.ts';

export const taskDir = defineHook({
  name: 'task-dir',
  async prestart({ dirs }) {
    mkdirSync(dirs.alloc, { recursive: true, mode: 0o711 });
    mkdirSync(dirs.task, { recursive: true, mode: 0o700 });
    const shared = [join(dirs.alloc, 'data'), join(dirs.alloc, 'tmp')];
    for (const path of [...shared, dirs.local, dirs.secrets, dirs.private, dirs.tmp]) {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    }
  },
});
