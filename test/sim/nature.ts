/** What happens to the machine as a whole, by itself: strangers come and go, the power fails, clocks are turned. */
import type { Agent } from './agent.ts';
import { NATURE } from './world/processes.ts';
import type { World } from './world/world.ts';

export interface NatureDoors {
  readonly agent: () => Agent | undefined;
  /** Starts another agent, whatever became of the one before. */
  readonly anotherAgent: () => void;
  readonly untilMs: number;
}

const STRANGER_EVERY_MS = 2_500;
const DAY_MS = 24 * 3_600_000;

export function letNatureWork(world: World, doors: NatureDoors): void {
  const { scheduler, chance, faults } = world;
  bringStrangers(world);
  const sometimes = (kind: Parameters<typeof faults.strike>[0], work: () => void): void => {
    for (let count = 0; count < 3; count += 1) {
      scheduler.at(chance.below(doors.untilMs), NATURE, `perhaps ${kind}`, () => {
        if (faults.strike(kind, 'by itself')) work();
      });
    }
  };
  sometimes('reboot', () => reboot(world));
  sometimes('wallJump', () => {
    world.wallOffsetMs += chance.pick([-DAY_MS, -60_000, 60_000, DAY_MS]);
  });
  sometimes('diskFull', () => fillDisk(world));
  sometimes('twoAgents', () => bringAnotherAgent(world, doors));
}

export function reboot(world: World): void {
  world.note('the power goes');
  const { ledger, processes, disk, chance } = world;
  for (const launchKey of ledger.members.keys()) {
    if (ledger.livingOf(launchKey).length > 0) ledger.wound(launchKey, 'the power went');
  }
  for (const process of processes.all) for (const ended of process.onEnd.splice(0)) ended();
  processes.reboot();
  world.cgroups.reset();
  disk.powerCut(chance);
}

function fillDisk(world: World): void {
  const { disk, scheduler, chance } = world;
  world.note('the disk is full');
  disk.isFull = true;
  disk.spareWrites = chance.below(30);
  const heal = (): void => healDisk(world);
  scheduler.after(chance.pick([3_000, 20_000, 60_000]), NATURE, 'there is room again', heal);
}

export function healDisk({ disk }: World): void {
  disk.isFull = false;
  disk.spareWrites = 0;
}

/** It stands still, somebody takes its lock away and starts another; then it goes on as if nothing had happened. */
function bringAnotherAgent(world: World, { agent, anotherAgent }: NatureDoors): void {
  const first = agent();
  if (first === undefined || !first.isAlive) return;
  world.freeze(first.process, 'another agent comes');
  world.lockHolder = undefined;
  anotherAgent();
}

/** Processes that are not ours, some with marks that only look like ours: they take the pids that ours gave back. */
function bringStrangers(world: World): void {
  const { scheduler, chance } = world;
  const bring = (): void => {
    const other = `${'0'.repeat(32)}:${'a'.repeat(20)}`;
    const environment = chance.isHit(0.3) ? `HOLDFAST_MARK=${other}\0` : 'PATH=/bin\0';
    const stranger = world.spawn({ kind: 'foreign', environment, leads: true });
    const stayMs = chance.pick([1, 100, 3_000, 30_000]);
    if (stranger !== undefined) {
      scheduler.after(stayMs, stranger, 'leaves', () => world.processes.end(stranger));
    }
    scheduler.after(STRANGER_EVERY_MS, NATURE, 'a stranger comes', bring);
  };
  bring();
}
