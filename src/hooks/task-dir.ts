/** Makes the directories of the task. They are removed with the alloc, not with the task: siblings may read them. */
import { mkdir } from 'node:fs/promises';
import { defineHook, type TaskDirs } from './hook.ts';

export const taskDir = defineHook({
  name: 'task-dir',
  async prestart({ dirs }) {
    await mkdir(dirs.alloc, { recursive: true, mode: 0o711 });
    await Promise.all(makePrivate(dirs));
  },
});

function makePrivate(dirs: TaskDirs): Promise<unknown>[] {
  return [
    `${dirs.alloc}/data`,
    `${dirs.alloc}/tmp`,
    dirs.local,
    dirs.secrets,
    dirs.private,
    dirs.tmp,
  ].map((path) => mkdir(path, { recursive: true, mode: 0o700 }));
}
