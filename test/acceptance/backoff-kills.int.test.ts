import { afterEach, describe, expect, it } from 'vitest';
import { eventsSoFar, Machine, until } from './rig.ts';

const FAILING = {
  name: 'a',
  driver: 'raw_exec',
  config: { command: 'sh', args: ['-c', 'exit 3'] },
};
/** How often an agent is killed while a task waits for its restart. */
const KILLS = Number(process.env['HOLDFAST_KILLS'] ?? 4);

describe('an agent that is killed while a task waits for its restart', () => {
  let machine: Machine;
  afterEach(() => machine.scrap());

  it(
    'is followed by one that keeps the deadline',
    { timeout: 120_000 + 10_000 * KILLS },
    async () => {
      machine = new Machine();
      let agent = await machine.startAgent();
      const delay = `${10 + 4 * KILLS}s`;
      const restart = { attempts: 2, interval: '10h', delay, backoff: 'exponential' } as const;
      const { allocId } = await agent.run({ name: 'g', tasks: [{ ...FAILING, restart }] });
      const waits = async (): Promise<string | undefined> =>
        (await agent.inspect(allocId)).tasks[0]?.nextStartAt ?? undefined;
      const deadline = await until('it waits', waits);
      for (let kill = 1; kill <= KILLS; kill += 1) {
        await machine.killAgent();
        agent = await machine.startAgent();
        expect(agent.recovery.tasks).toMatchObject([{ outcome: 'restarting' }]);
        expect(await waits()).toBe(deadline);
      }
      const starts: number[] = [];
      for await (const { data } of agent.events({ ref: allocId, types: ['TaskStarted'] })) {
        starts.push((data as { startedAt: number }).startedAt);
        if (starts.length === 2) break;
      }
      expect(starts[1]).toBeGreaterThanOrEqual(Date.parse(deadline));
      const restarting = await eventsSoFar(agent, { ref: allocId, types: ['TaskRestarting'] });
      expect(restarting[0]?.data).toMatchObject({ attempt: 1, streak: 1 });
      await agent.stop(allocId);
    },
  );
});
