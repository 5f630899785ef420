/** What is accepted and does not begin says why. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AllocView } from '../../src/api.ts';
import type { HeldTask } from '../../src/cli/held-starts.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { countingGroup, Machine, until } from '../acceptance/rig.ts';

const bin = resolve(import.meta.dirname, '../../bin/holdfast');
let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.scrap());

const holdfast = (...args: string[]) =>
  spawnSync(bin, [...args, '--data-dir', machine.dataDir], { encoding: 'utf8' });

it('in safe mode ps, inspect and the doctor name it', async () => {
  for (let agents = 0; agents < 5; agents += 1) {
    await machine.startAgent();
    await machine.killAgent();
  }
  const agent = await machine.startAgent();
  await agent.run(countingGroup('count', 1));
  const task = await until('its task waits', () => {
    const [first] = JSON.parse(holdfast('ps', '--json').stdout) as HeldTask[];
    return first?.state === 'prestart' && first;
  });
  expect(task.startHeldBy).toEqual(['safe-mode']);
  const line = 'starts wait: agents died too often here, and this one starts nothing for a minute';
  expect(holdfast('ps').stderr).toBe(`${line}\n`);
  expect(holdfast('inspect', 'count').stderr).toBe(`${line}\n`);
  const shown = JSON.parse(holdfast('inspect', 'count', '--json').stdout) as AllocView;
  expect(shown.tasks).toMatchObject([{ startHeldBy: ['safe-mode'] }]);
  const findings = JSON.parse(holdfast('doctor', '--json').stdout) as Finding[];
  expect(findings.filter(({ check }) => check === 'starts')).toMatchObject([
    { level: 'warn', message: expect.stringContaining('(safe mode)') },
  ]);
});
