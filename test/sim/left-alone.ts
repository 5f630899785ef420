/**
 * The machine without an agent: whoever kept it started stops to, and the collectors of output die. Executor hosts must
 * see to it that no program waits at a full pipe for good.
 */
import { taskKey } from '../../src/os/launch-key.ts';
import { DATA_DIR } from './agent.ts';
import type { Launch } from './ledger.ts';
import type { Fifo } from './world/disk.ts';
import type { Process } from './world/processes.ts';
import type { World } from './world/world.ts';

interface Doors {
  readonly mustCome: (what: string, isSo: () => boolean) => Promise<void>;
  readonly keepAgent: (isKept: boolean) => void;
  readonly agent: () => Process | undefined;
}

/** After so long without faults every host is what it should be, in simulated milliseconds. */
const CALM_MS = 150_000;

/** In one history of three, for it takes time. */
export async function leaveAlone(world: World, doors: Doors): Promise<void> {
  if (world.seed % 3 !== 0) return;
  const calmMs = world.nowMs + CALM_MS;
  await doors.mustCome('a while without faults', () => world.nowMs > calmMs);
  world.note('nobody starts an agent any more');
  doors.keepAgent(false);
  const gone = world.processes.living.filter((one) => {
    return one === doors.agent() || one.kind === 'logmon host';
  });
  for (const one of gone) world.kill(one, 'the machine is left alone');
  const printing = world.ledger.launches.filter(({ process }) => !process.isDead);
  for (const launch of printing) print(world, launch);
  await doors.mustCome('I24: all output is collected without an agent', () =>
    printing.every((launch) => launch.process.isDead || linesWaiting(world, launch) === 0),
  );
  doors.keepAgent(true);
}

const LINES = 5;

/** As if the program had more to say than it has. */
function print(world: World, launch: Launch): void {
  const fifo = fifoOf(world, launch);
  if (fifo === undefined) return;
  for (let count = 0; count < LINES; count += 1) {
    launch.lines += 1;
    fifo.waiting.push(`${launch.run}:${launch.lines}`);
  }
  world.disk.wake(fifo);
}

function linesWaiting(world: World, launch: Launch): number {
  return fifoOf(world, launch)?.waiting.length ?? 0;
}

function fifoOf(world: World, { allocId, task }: Launch): Fifo | undefined {
  return world.disk.find(`${DATA_DIR}/state/fifo/${taskKey(allocId, task)}.out`)?.fifo;
}
