/** Programs in networks of their own that are looked at by a number: what listens there is asked, and nothing else. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import { NetworkMachine, noNetworksBecause } from './network-rig.ts';
import { eventsSoFar, until } from './rig.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let machine: NetworkMachine;
let agent: Orchestrator;
beforeEach(async ({ task }) => {
  if (task.mode === 'skip') return;
  machine = new NetworkMachine();
  agent = await machine.startAgent();
});
afterEach(async () => machine?.scrap());

const none = noNetworksBecause('busybox');

describe.skipIf(none)(`a check by number in a network of mode none (${none ?? 'here'})`, () => {
  it('asks the program, with this agent and the next, and not what the machine has', async () => {
    const serve = (dir: string): string => `busybox httpd -f -p 127.0.0.1:8099 -h ${dir}`;
    // What the machine has at that port answers with 200.
    machine.inside(`mkdir -p ${machine.dataDir}/www && echo machine > ${machine.dataDir}/www/up`);
    const other = machine.spawnInside(serve(`${machine.dataDir}/www`));
    try {
      const script = `mkdir -p www; while ! test -e www/go; do sleep 0.1; done; exec ${serve('www')}`;
      const checks = [
        {
          type: 'http' as const,
          name: 'up',
          port: 8099,
          path: '/up',
          interval: '200ms',
          expect: { body: 'the program' },
        },
        { type: 'tcp' as const, name: 'open', port: 8099, interval: '200ms' },
      ];
      const config = { command: '/bin/sh', args: ['-c', script] };
      const { allocId } = await agent.run({
        name: 'alone',
        network: { mode: 'none' },
        tasks: [{ name: 'web', driver: 'raw_exec', config, checks }],
      });
      const said = async (status: string): Promise<unknown> =>
        until(`both are ${status}`, async () => {
          const events = await eventsSoFar(agent, {});
          const last = new Map<string, { status?: string; output?: string }>();
          for (const { type, data } of events) {
            if (type !== 'CheckChanged') continue;
            const one = data as { check: string; status: string; output: string };
            last.set(one.check, one);
          }
          const all = [...last.values()];
          return all.length === 2 && all.every((one) => one.status === status) && all;
        });
      const refused = await said('critical');
      expect(JSON.stringify(refused)).not.toContain('machine');
      const www = `${machine.dataDir}/allocs/${allocId}/web/www`;
      machine.inside(`echo the program > ${www}/up; touch ${www}/go`);
      expect(JSON.stringify(await said('passing'))).toContain('the program');
      await machine.killAgent();
      agent = await machine.startAgent();
      machine.inside(`rm ${www}/up`);
      await until('the next agent has seen it', async () =>
        (await eventsSoFar(agent, {})).some(
          ({ type, data }) =>
            type === 'CheckChanged' && JSON.stringify(data).includes('404 Not Found'),
        ),
      );
      await agent.stop('alone');
      expect(machine.namespaces()).toEqual([]);
    } finally {
      other();
    }
  });

  it('is no address for others: a service at a number is refused before anything runs', async () => {
    const config = { command: 'true' };
    const services = [{ name: 'web', port: 80 }];
    const task = { name: 'web', driver: 'raw_exec', config, services };
    const asked = agent.run({ name: 'x', network: { mode: 'bridge' }, tasks: [task] });
    await expect(asked).rejects.toMatchObject({
      code: 'SPEC_INVALID',
      message: expect.stringContaining('give it a label in network.ports'),
    });
    expect(await agent.allocs({ all: true })).toEqual([]);
  });
});
