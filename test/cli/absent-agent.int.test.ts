/** No agent answers: what to do is told, and is right. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import { Machine, runningPid } from '../acceptance/rig.ts';

let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.scrap());

it('one whose socket was removed is named by ps and the doctor, with the way out', async () => {
  await machine.startAgent();
  rmSync(join(machine.dataDir, 'agent.sock'));
  const remedy = `kill ${machine.agentPid}: its tasks go on; then start an agent, which adopts them`;
  const { status, stderr } = machine.holdfast('ps');
  expect([status, stderr]).toEqual([
    5,
    `holdfast: somebody removed the socket of the agent on ${machine.dataDir} (pid ${machine.agentPid}): ${remedy}\n`,
  ]);
  const findings = JSON.parse(machine.holdfast('doctor', '--json').stdout) as Finding[];
  expect(findings.find(({ check }) => check === 'agent')).toMatchObject({ level: 'fail', remedy });
});

it('one that is started as was said has the driver of what runs', async () => {
  await runningPid(await machine.startAgent(), 'count');
  await machine.killAgent();
  expect(machine.holdfast('ps').stderr).toContain(
    `start one with "holdfast agent --data-dir ${machine.dataDir} --driver raw_exec"\n`,
  );
});
