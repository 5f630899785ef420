/**
 * Gives a task a user of its own: a number that nobody else on this machine has, for as long as the task is not over.
 * It is recorded, so that every agent finds it again.
 */
import { closeSync, constants, fchmodSync, fchownSync, openSync } from 'node:fs';
import { errnoOf, HoldfastError } from '../errors.ts';
import { defineHook } from './hook.ts';

export const dynamicUsers = defineHook({
  name: 'dynamic-users',
  when: ({ isDynamicUser }) => isDynamicUser === true,
  async prestart({ task, previous }, { users, drivers }) {
    const { uid: before } = previous;
    const uid = users.take(before === undefined ? undefined : Number(before));
    const user = `${uid}:${uid}`;
    // A driver that does not look at users would run it as the agent's.
    if ((await drivers.ownerOf({ ...task, user })) === undefined) {
      const text = `task ${task.name} asks for a user of its own: an agent that is no root, and driver ${task.driver} where it knows no users, cannot give one`;
      throw new HoldfastError('CAPABILITY_MISSING', text);
    }
    return { user, state: { uid: String(uid) }, isDone: true };
  },
  async cleanup({ dirs }, { users }) {
    // Whoever has the number next is not to find what is left here.
    closeDirectory(dirs.task);
    users.release();
  },
});

function closeDirectory(path: string): void {
  if (process.geteuid?.() !== 0) return;
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    fchownSync(fd, 0, 0);
    fchmodSync(fd, 0o700);
  } finally {
    closeSync(fd);
  }
}
