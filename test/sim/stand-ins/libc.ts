/** Stands in for `src/os/libc.ts`: the system calls that Node lacks, of the simulated machine. */
import { HoldfastError } from '../../../src/errors.ts';
import type { SessionSpawn } from '../../../src/os/libc.ts';
import { beginShim } from '../world/shim.ts';
import { theWorld } from '../world/world.ts';

export function spawnSession({ path, argv }: SessionSpawn): number {
  const world = theWorld();
  world.interrupt('before posix_spawn');
  const isRefused = world.faults.strike('spawnFails', 'posix_spawn');
  const shim = isRefused
    ? undefined
    : world.spawn({ kind: 'shim', parent: world.self, commandLine: argv.join('\0'), leads: true });
  if (shim === undefined) {
    throw new HoldfastError('RESOURCES_EXHAUSTED', `posix_spawn ${path}: EAGAIN`);
  }
  const [, , runDir = '', stdoutFifo = '', stderrFifo = ''] = argv;
  beginShim(world, shim, { runDir, stdoutFifo, stderrFifo });
  world.note(`starts ${shim.name} for ${runDir}`);
  world.interrupt('after posix_spawn');
  return shim.pid;
}

export function reap(pid: number): boolean {
  const world = theWorld();
  const child = world.processes.find(pid);
  if (child?.parent !== world.self) return true;
  if (!child.isZombie) return false;
  world.processes.reap(child);
  return true;
}

export function makeFifo(path: string): void {
  const world = theWorld();
  world.interrupt(`before mkfifo ${path}`);
  if (world.disk.find(path) !== undefined) {
    throw new HoldfastError('ALREADY_EXISTS', `${path} exists`);
  }
  if (world.disk.isFull || world.faults.strike('ioError', `mkfifo ${path}`)) {
    throw new HoldfastError('INTERNAL', `mkfifo ${path}: ENOSPC`);
  }
  world.disk.make(path, 'fifo', world.wallMs);
  world.interrupt(`after mkfifo ${path}`);
}

export function memoryFile(): number {
  const world = theWorld();
  const inode = { kind: 'file', text: '', synced: '', mtimeMs: 0, fifo: undefined } as const;
  return world.disk.open({ ...inode }, world.current, true, true).fd;
}

export function adoptOrphans(): boolean {
  theWorld().self.isSubreaper = true;
  return true;
}
