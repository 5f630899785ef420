/** Stands in for `src/os/terminal.ts`: a pair of pipes, of which the master has one end of each. */
import { HoldfastError } from '../../../src/errors.ts';
import type { Terminal } from '../../../src/os/terminal.ts';
import { inodeOf } from '../world/disk.ts';
import { theWorld } from '../world/world.ts';

export function openTerminal(): Terminal {
  const world = theWorld();
  const { disk, self } = world;
  world.interrupt('before opening a terminal');
  if (world.faults.strike('ioError', 'opening a terminal')) {
    throw new HoldfastError('RESOURCES_EXHAUSTED', 'no terminal could be opened: ENOSPC');
  }
  const [typed, shown] = [inodeOf('fifo', 0), inodeOf('fifo', 0)];
  const master = disk.open(shown, self, true, false);
  master.typing = disk.open(typed, self, false, true);
  const slave = disk.open(shown, self, false, true);
  const path = `/dev/pts/${slave.fd}`;
  world.terminals.set(path, { typed, shown });
  return { master: master.fd, slave: slave.fd, path };
}

export function resizeTerminal(): void {
  theWorld().interruptDead();
}

export function whyNoTerminals(): undefined {
  return undefined;
}
