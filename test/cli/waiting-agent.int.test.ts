/** An agent that cannot open its store again: whoever asks hears that it is there, waits, and why. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import { countingGroup, Machine, pidsOf, until } from '../acceptance/rig.ts';

let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.scrap());

it('is named by ps and the doctor, keeps its tasks, and goes on by itself', async () => {
  const agent = await machine.startAgent('--http', '127.0.0.1:0');
  const url = /"url":"([^"]+)"/.exec(machine.output)?.[1] ?? '';
  await agent.run(countingGroup('count', 1));
  const pids = await until('it runs', () => pidsOf(agent, 'count'));
  const store = join(machine.dataDir, 'state', 'store');
  renameSync(store, `${store}-away`);
  writeFileSync(store, 'in the way');
  const why = `the agent (pid ${machine.agentPid}) waits to open its store again: `;
  const said = await until('ps says it', () => {
    const { status, stderr } = machine.holdfast('ps');
    return stderr.includes(why) && stderr.includes('EEXIST') && { status, stderr };
  });
  expect(said).toMatchObject({ status: 5, stderr: expect.not.stringContaining('start one with') });
  const found = await until('the doctor says it', () => {
    const findings = JSON.parse(machine.holdfast('doctor', '--json').stdout) as Finding[];
    return findings.find(({ check, message }) => check === 'agent' && message.includes(why));
  });
  expect(found.level).toBe('fail');
  const live = await fetch(`${url}/v1/health/live`);
  const ready = await fetch(`${url}/v1/health/ready`);
  expect([live.status, ready.status]).toEqual([200, 503]);
  expect(await ready.json()).toMatchObject({ status: 'not ready' });
  const asked = await fetch(`${url}/v1/allocs`);
  expect([asked.status, Number(asked.headers.get('retry-after')) > 0]).toEqual([503, true]);
  rmSync(store);
  renameSync(`${store}-away`, store);
  const again = await machine.connect();
  expect(await until('it is adopted', () => pidsOf(again, 'count'))).toEqual(pids);
  expect((await again.agent()).pid).toBe(machine.agentPid);
  const served = await fetch(`${url}/v1/allocs`);
  expect(served.status).toBe(401);
});
