/** A group with every kind of task: it begins in order, begins anew in order, and follows its leader, over kills. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator, PublicEvent } from '../../src/api.ts';
import { messageOf } from '../../src/errors.ts';
import { eventsSoFar, isRunning, type Machine, until } from '../acceptance/rig.ts';
import { isUp, positions, TASKS, WAVES } from '../acceptance/twelve-tasks.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import type { Patch } from '../patch.ts';
import { NEVER_SAFE, withPatient } from './patient.ts';

/** The leader is ended with what ran beside it. */
const LEADER_LAST: readonly Patch[] = [
  {
    file: 'src/machines/kill-order.ts',
    find: 'if (isLeader === true) return 0;',
    replace: 'if (isLeader === true) return 2;',
  },
];

export const twelveTasks: Drill = {
  name: 'twelve tasks',
  promise: 'tasks of every kind begin and end in their order, also under agents that are killed',
  tools: [],
  privileges: [],
  mutants: [[NEVER_SAFE], LEADER_LAST],
  cases: { share: 1, full: 40 },
  async run(findings, cases) {
    await findings.attempt('rounds', () =>
      withPatient(async (machine) => {
        for (let round = 0; round < cases; round += 1) {
          await findings.attempt(`round ${round}`, () => lived(findings, machine, round));
          findings.count('rounds');
        }
      }),
    );
    const work = (machine: Machine): Promise<void> => lived(undefined, machine, 0);
    const text = await withPatient(work, LEADER_LAST).then(() => 'nothing was noticed', messageOf);
    findings.control('a leader that ends last', /was told before/.test(text), text);
  },
};

/** Throws what is wrong. */
async function lived(
  findings: Findings | undefined,
  machine: Machine,
  round: number,
): Promise<void> {
  const name = `g${round}`;
  let agent = round === 0 ? await machine.startAgent() : await machine.connect();
  const disturb = async (): Promise<void> => {
    // The first round is as it is without any trouble.
    if (findings === undefined || round === 0) return;
    await delay(findings.between(0, 1_500));
    await machine.killAgent();
    agent = await machine.startAgent();
    findings.count('agents that were killed');
  };
  const { allocId } = await agent.run({ name, tasks: [...TASKS] });
  await disturb();
  const begun = await whenUp(() => agent, allocId, 0);
  assertGates(begun, 0);

  const { head: restartedAt } = await agent.agent();
  await agent.restart(allocId, { tasks: 'all' });
  await disturb();
  const again = await whenUp(() => agent, allocId, 1);
  assertWaves(again, WAVES, restartedAt);
  assertGates(again, again.find(({ type }) => type === 'AllocRestarted')?.position ?? 0);

  const { head: killedAt } = await agent.agent();
  const { tasks } = await agent.inspect(allocId);
  process.kill(tasks.find(({ task }) => task === 'lead')?.pid ?? 0, 'SIGKILL');
  await disturb();
  await (await agent.alloc(allocId)).wait();
  const last = await eventsSoFar(agent, { ref: allocId });
  assertWaves(last, WAVES.slice(1), killedAt);
  const left = tasks.filter(({ pid }) => pid !== null && isRunning(pid));
  if (left.length > 0) throw new Error(`${left.map(({ task }) => task).join()} outlived the alloc`);
  findings?.count('events', last.length);
}

/** All of its events, once it has been begun anew so often and everything is up. */
async function whenUp(
  agent: () => Orchestrator,
  allocId: string,
  restarts: number,
): Promise<readonly PublicEvent[]> {
  return until(`it is up after ${restarts} restarts`, async () => {
    const events = await eventsSoFar(agent(), { ref: allocId });
    const restarted = events.filter(({ type }) => type === 'AllocRestarted');
    return restarted.length === restarts && (await isUp(agent(), allocId)) && events;
  });
}

/** Each wave was told when the one before it was over. */
function assertWaves(
  events: readonly PublicEvent[],
  waves: readonly (readonly string[])[],
  after: number,
): void {
  const told = positions(events, 'TaskKilling', after);
  const over = positions(events, 'CleanupCompleted', after);
  for (const [index, wave] of waves.slice(1).entries()) {
    for (const before of waves[index] ?? []) {
      for (const name of wave) {
        const [end = Infinity, begin = 0] = [over.get(before), told.get(name)];
        if (begin <= end) throw new Error(`${name} was told before ${before} was over`);
      }
    }
  }
}

function assertGates(events: readonly PublicEvent[], after: number): void {
  const opened = positions(events, 'GateOpened', after);
  const started = positions(events, 'TaskStarted', after);
  const over = positions(events, 'CleanupCompleted', after);
  const [main = 0] = positions(events, 'AllocGateOpened', after).values();
  const [poststart = 0] = positions(events, 'AllocPoststartOpened', after).values();
  const must = (isSo: boolean, what: string): void => {
    if (!isSo) throw new Error(`after ${after}: ${what}`);
  };
  const at = (found: ReadonlyMap<string, number>, name: string): number => found.get(name) ?? 0;
  for (const name of ['init1', 'init2']) must(at(over, name) < main, `${name} was not over`);
  for (const name of ['proxy', 'shipper']) must(at(started, name) < main, `${name} did not run`);
  for (const name of ['lead', 'web', 'worker']) {
    must(at(opened, name) > main, `${name} began too early`);
    must(at(started, name) < poststart, `${name} did not run before poststart`);
  }
  for (const name of ['warm', 'watch', 'audit']) {
    must(at(opened, name) > poststart, `${name} began too early`);
  }
}
