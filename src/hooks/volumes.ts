/**
 * Looks whether everything is there that the task mounts, so that a missing one is told by its name and not in the
 * words of a runtime. The places that they are mounted on are made by the runtime: only below the task's own root may
 * links be followed that the task itself may have made.
 */
import { statSync } from 'node:fs';
import { HoldfastError } from '../errors.ts';
import { defineHook } from './hook.ts';

export const volumes = defineHook({
  name: 'volumes',
  when: ({ mounts = [] }) => mounts.length > 0,
  async prestart({ task }) {
    for (const mount of task.mounts ?? []) {
      if (mount.type !== 'bind' || isThere(mount.source)) continue;
      const { volume, source, destination } = mount;
      const what = volume === undefined ? `the mount at ${destination}` : `volume "${volume}"`;
      const text = `${what}: ${source} does not exist on this machine`;
      throw new HoldfastError('HOOK_FAILED', text, { details: { volume, source } });
    }
  },
});

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
