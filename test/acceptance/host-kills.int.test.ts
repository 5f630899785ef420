import { afterEach, describe, expect, it } from 'vitest';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PublicEvent } from '../../src/api.ts';
import { COUNTING, faultInCount, LoyalSubscriber, Machine, pidsOf, until } from './rig.ts';

const KILLS = Number(process.env['HOLDFAST_KILLS'] ?? 20);

/** Counts aloud until a file appears, then ends with 7. */
function untilFile(path: string): Readonly<Record<string, unknown>> {
  const count = '$| = 1; for ($i = 1; ! -e $ARGV[0]; $i++) { print "$i\\n";';
  return {
    command: 'perl',
    args: ['-e', `${count} select(undef, undef, undef, 0.01) } exit 7`, path],
  };
}

describe.each(['executor', 'logmon'] as const)(
  'a %s host that is killed again and again',
  (kind) => {
    let machine: Machine;
    afterEach(() => machine.scrap());

    it(
      'is replaced, with an event each time, and no task notices',
      { timeout: 240_000 },
      async () => {
        machine = new Machine();
        const agent = await machine.startAgent();
        const subscriber = new LoyalSubscriber(machine);
        const sign = join(machine.dataDir, 'end');
        const alloc = await agent.run({
          name: 'count',
          type: 'batch',
          tasks: [
            ...['a', 'b', 'c', 'd'].map((name) => ({ name, driver: 'raw_exec', config: COUNTING })),
            { name: 'last', driver: 'raw_exec', config: untilFile(sign), restart: { attempts: 0 } },
          ],
        });
        const pids = await until('every task runs', () => pidsOf(agent, alloc.allocId));
        const replaced = (): readonly PublicEvent[] =>
          subscriber.events.filter(
            (event) =>
              event.type === 'HostReplaced' && (event.data as { kind: string }).kind === kind,
          );
        for (let kill = 1; kill <= KILLS; kill += 1) {
          const pid = await until(`a ${kind} host lives`, () => machine.hostPid(kind));
          process.kill(pid, 'SIGKILL');
          await until(`replacement ${kill} is recorded`, () => replaced().length >= kill);
        }
        expect(replaced()).toHaveLength(KILLS);
        expect(await pidsOf(agent, alloc.allocId)).toEqual(pids);
        writeFileSync(sign, '');
        const ended = await until('the last task has ended', async () => {
          const { tasks } = await agent.inspect(alloc.allocId);
          return tasks.find((task) => task.task === 'last' && task.nomadState === 'dead');
        });
        expect(ended).toMatchObject({ exitCode: 7, signal: null, run: 1, state: 'failed' });
        await agent.stop(alloc.allocId);
        const { head } = await agent.agent();
        await subscriber.leaveAt(head);
        expect(subscriber.positions).toEqual(
          Array.from({ length: head }, (_one, index) => index + 1),
        );
        expect(subscriber.events.filter(({ type }) => type === 'HostLost')).toHaveLength(KILLS);
        expect(subscriber.events.filter(({ type }) => type === 'TaskLost')).toHaveLength(0);
        for (const task of ['a', 'b', 'c', 'd', 'last']) {
          expect(faultInCount(machine.outputOf(alloc.allocId, task))).toBeUndefined();
        }
      },
    );
  },
);
