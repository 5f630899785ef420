/** From the start of a new agent to the last of 100 running tasks reattached, after a `kill -9` of the one before. */
import { median, printFigures, type Figure } from './figures.ts';
import { Machine, pidsOf, until } from '../test/acceptance/rig.ts';

const TASKS = 100;
const KILLS = 5;

export async function benchReattach(): Promise<readonly Figure[]> {
  const machine = new Machine();
  try {
    let agent = await machine.startAgent();
    const config = { command: 'sleep', args: ['100000'] };
    const tasks = Array.from({ length: TASKS }, (_one, index) => ({
      name: `t${index}`,
      driver: 'raw_exec',
      config,
    }));
    const { allocId } = await agent.run({ name: 'idle', tasks });
    const pids = await until('all tasks run', () => pidsOf(agent, allocId));
    const opened: number[] = [];
    const answered: number[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      await machine.killAgent();
      const began = performance.now();
      agent = await machine.startAgent();
      answered.push(performance.now() - began);
      opened.push(agent.recovery.tookMs);
      const again = await pidsOf(agent, allocId);
      if (String(again) !== String(pids)) throw new Error(`other pids after kill ${kill + 1}`);
    }
    await agent.stop(allocId);
    const whole = median(answered) / 1_000;
    return [
      {
        name: `${TASKS} tasks reattached, from opening`,
        value: median(opened) / 1_000,
        unit: 's',
        target: '<= 0.6',
        note: `same pids in ${KILLS} of ${KILLS} kills; ${whole.toFixed(2)} s from the start of the process to its first answer`,
      },
    ];
  } finally {
    await machine.scrap();
  }
}

if (import.meta.main) printFigures(await benchReattach());
