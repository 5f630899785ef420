/** Stands in for `src/os/attached-process.ts`: commands of the simulated machine on pipes and terminals. */
import { HoldfastError } from '../../../src/errors.ts';
import type { AttachedSpawn, PipeEnds, ProcessEnd } from '../../../src/os/attached-process.ts';
import { beginCommand } from '../world/command.ts';
import { inodeOf } from '../world/disk.ts';
import { theWorld } from '../world/world.ts';

export function spawnAttached({ path, argv, environment, descriptors }: AttachedSpawn): number {
  const world = theWorld();
  const host = world.self;
  world.interrupt('before posix_spawn of a command');
  const isRefused = world.faults.strike('spawnFails', 'posix_spawn of a command');
  const command = isRefused
    ? undefined
    : world.spawn({
        kind: 'command',
        parent: host,
        environment: environment.map((word) => `${word}\0`).join(''),
        commandLine: argv.join('\0'),
        leads: true,
      });
  if (command === undefined) {
    throw new HoldfastError('RESOURCES_EXHAUSTED', `posix_spawn ${path}: EAGAIN`);
  }
  beginCommand(world, command, descriptors);
  world.note(`starts ${command.name}`);
  world.interrupt('after posix_spawn of a command');
  return command.pid;
}

export function reapStatus(pid: number): ProcessEnd | undefined {
  const world = theWorld();
  world.interruptDead();
  const child = world.processes.find(pid);
  if (child?.parent !== world.self) throw new HoldfastError('INTERNAL', `waitpid ${pid}: ECHILD`);
  if (!child.isZombie) return undefined;
  world.processes.reap(child);
  const { code, signal } = child.status;
  return { exitCode: code, signal };
}

export function openBlockingPipe(): PipeEnds {
  const world = theWorld();
  world.interrupt('before pipe2');
  if (world.faults.strike('ioError', 'pipe2')) {
    throw new HoldfastError('RESOURCES_EXHAUSTED', 'pipe2: EMFILE');
  }
  const inode = inodeOf('fifo', world.wallMs);
  const [reader, writer] = [true, false].map((isReader) =>
    world.disk.open(inode, world.self, isReader, !isReader),
  );
  return { readEnd: reader?.fd ?? -1, writeEnd: writer?.fd ?? -1 };
}

/** Of a terminal that no container is behind nothing is interpreted. */
export function makeRaw(): void {}
export function closeOnExec(): void {}
