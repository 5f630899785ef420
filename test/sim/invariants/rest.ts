/**
 * What must be so once nothing goes wrong any more and everything was stopped.
 *   I10  nothing of a run lives                I12  every line of output is in the files, once, in order
 *   I13  the live state is the replayed one    I16  files and processes are back to what they were
 */
import type { Orchestrator } from '../../../src/api.ts';
import { taskKey } from '../../../src/os/launch-key.ts';
import { DATA_DIR } from '../agent.ts';
import type { World } from '../world/world.ts';
import type { Fail } from './invariants.ts';

export function checkProcesses(world: World, fail: Fail): void {
  const { ledger } = world;
  for (const launchKey of ledger.members.keys()) {
    const living = ledger.livingOf(launchKey).map(({ name }) => name);
    if (living.length > 0) fail(`I10: ${living.join(', ')} of run ${launchKey} lives`);
  }
  for (const launchKey of ledger.beside.keys()) {
    const living = ledger.besideOf(launchKey).map(({ name }) => name);
    if (living.length > 0) fail(`I10: ${living.join(', ')} beside run ${launchKey} lives`);
  }
}

/** `leftFifos` are the task keys whose cleanup hook failed, which is recorded and changes nothing. */
export function checkFiles(world: World, leftFifos: ReadonlySet<string>, fail: Fail): void {
  for (const dir of ['fifo', 'specs', 'run']) {
    const left = world.disk
      .list(`${DATA_DIR}/state/${dir}`)
      .filter((name) => dir !== 'fifo' || !leftFifos.has(name.replace(/\.(out|err)$/, '')));
    if (left.length > 0) fail(`I16: ${left.join(', ')} left in ${dir}`);
  }
}

/**
 * Ends of both kinds of host together, also of a mute one that an agent ended, may take what is in a FIFO: nobody holds it then. What a cleanup that failed did
 * not fetch is still in it.
 */
export function checkOutput(world: World, leftFifos: ReadonlySet<string>, fail: Fail): void {
  const struck = new Set(world.faults.struck.map(({ kind }) => kind));
  if (struck.has('reboot') || struck.has('ioError') || struck.has('diskFull')) return;
  const isCollectorLost = struck.has('killLogmon') || world.ledger.endedCollectors > 0;
  if (isCollectorLost && struck.has('killExecutor')) return;
  const expected = new Map<string, string[]>();
  const inOrder = world.ledger.launches.toSorted((one, other) => one.run - other.run);
  for (const { allocId, task, run, lines } of inOrder) {
    const key = taskKey(allocId, task);
    const own = Array.from({ length: lines }, (_, index) => `${run}:${index + 1}`);
    expected.set(key, [...(expected.get(key) ?? []), ...own]);
  }
  for (const [key, lines] of expected) {
    const found = world.ledger.output.get(key) ?? [];
    if (leftFifos.has(key)) continue;
    if (found.join() !== lines.join()) {
      const missing = lines.find((line) => !found.includes(line));
      fail(
        `I12: task ${key} wrote ${lines.length} lines, and its files hold ${found.length}: ${missing}`,
      );
    }
  }
}

/** Of every alloc, what the agent shows now and what a replay up to the head shows. */
export async function checkViews(orchestrator: Orchestrator, fail: Fail): Promise<void> {
  const { head } = await orchestrator.agent();
  for (const live of await orchestrator.allocs({ all: true })) {
    const replayed = await orchestrator.inspect(live.allocId, { at: head });
    if (JSON.stringify(live) !== JSON.stringify(replayed)) {
      fail(`I13: ${live.allocId} is ${JSON.stringify(live)}, replayed ${JSON.stringify(replayed)}`);
    }
    if (live.isLive) fail(`I20: ${live.allocId} was stopped and is ${JSON.stringify(live)}`);
  }
}
