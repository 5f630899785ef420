/** No agent answers: what to do is told, and is right. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import { Machine, runningPid, until } from '../acceptance/rig.ts';

let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.scrap());

it('one whose socket was removed is named by ps and the doctor, with the way out', async () => {
  await machine.startAgent();
  const socket = join(machine.dataDir, 'agent.sock');
  const remedy = `kill ${machine.agentPid}: its tasks go on; then start an agent, which adopts them`;
  // It listens again within seconds: who asks right after the removal hears of it.
  const said = await until('ps says it', () => {
    rmSync(socket, { force: true });
    const { status, stderr } = machine.holdfast('ps');
    return status !== 0 && { status, stderr };
  });
  expect(said).toEqual({
    status: 5,
    stderr: `holdfast: somebody removed the socket of the agent on ${machine.dataDir} (pid ${machine.agentPid}): ${remedy}\n`,
  });
  const found = await until('the doctor says it', () => {
    rmSync(socket, { force: true });
    const findings = JSON.parse(machine.holdfast('doctor', '--json').stdout) as Finding[];
    return findings.find(({ check, level }) => check === 'agent' && level === 'fail');
  });
  expect(found.remedy).toBe(remedy);
});

it('one that was stopped is named with what wakes it', async () => {
  const agent = await machine.startAgent();
  await agent[Symbol.asyncDispose]();
  process.kill(machine.agentPid, 'SIGSTOP');
  const { status, stderr } = machine.holdfast('ps');
  const remedy = `kill -CONT ${machine.agentPid}`;
  const text = `the agent on ${machine.dataDir} (pid ${machine.agentPid}) is stopped: ${remedy}`;
  expect([status, stderr]).toEqual([5, `holdfast: ${text}\n`]);
});

it('one that is started as was said has the driver of what runs', async () => {
  await runningPid(await machine.startAgent(), 'count');
  await machine.killAgent();
  expect(machine.holdfast('ps').stderr).toContain(
    `start one with "holdfast agent --data-dir ${machine.dataDir} --driver raw_exec"\n`,
  );
});
