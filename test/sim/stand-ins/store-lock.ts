/** Stands in for `src/log/store-lock.ts`: the lock falls with its holder, and somebody may take it away. */
import { HoldfastError } from '../../../src/errors.ts';
import type { StoreLock } from '../../../src/log/store-lock.ts';
import { theWorld } from '../world/world.ts';

export function lockStore(_dir: string, { pid }: { readonly pid: number }): StoreLock {
  const world = theWorld();
  const me = world.self;
  const holder = world.lockHolder;
  if (holder !== undefined && !holder.isDead) {
    throw new HoldfastError('STORE_LOCKED', `in use by the agent with pid ${holder.pid}`);
  }
  world.lockHolder = me;
  return {
    holder: { pid, startTime: me.startTime, since: '', host: 'simulated' },
    release() {
      if (world.lockHolder === me) world.lockHolder = undefined;
    },
  };
}
