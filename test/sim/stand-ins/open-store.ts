/** Stands in for `src/log/open-store.ts`: the real log over the rows of the simulated machine. */
import type { OpenedStore, OpenStoreOptions } from '../../../src/log/open-store.ts';
import { eventLogOn } from '../../../src/log/row-event-log.ts';
import { HoldfastError } from '../../../src/errors.ts';
import { StoreHandle } from '../world/store-file.ts';
import { theWorld } from '../world/world.ts';

export async function openStore(options: OpenStoreOptions): Promise<OpenedStore> {
  const world = theWorld();
  world.interrupt('before opening the store');
  if (world.faults.strike('ioError', 'opening the store')) {
    throw new HoldfastError('STORE_FAILED', 'the store cannot be opened: EIO');
  }
  const log = eventLogOn(new StoreHandle(world.store), options);
  if (options.replay !== undefined) options.replay(log);
  world.interrupt('after opening the store');
  return { log, acknowledgeDamage: () => undefined };
}
