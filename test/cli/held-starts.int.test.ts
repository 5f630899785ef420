/** What is accepted and does not begin says why. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AllocView } from '../../src/api.ts';
import type { HeldTask } from '../../src/cli/held-starts.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { countingGroup, Machine, until } from '../acceptance/rig.ts';

let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.scrap());

it('in safe mode ps, inspect and the doctor name it', async () => {
  for (let agents = 0; agents < 5; agents += 1) {
    await machine.startAgent();
    await machine.killAgent();
  }
  const agent = await machine.startAgent();
  await agent.run(countingGroup('count', 1));
  const task = await until('its task waits', () => {
    const [first] = JSON.parse(machine.holdfast('ps', '--json').stdout) as HeldTask[];
    return first?.state === 'prestart' && first;
  });
  expect(task.startHeldBy).toEqual(['safe-mode']);
  const line = 'starts wait: agents died too often here, and this one starts nothing for a minute';
  expect(machine.holdfast('ps').stderr).toBe(`${line}\n`);
  expect(machine.holdfast('inspect', 'count').stderr).toBe(`${line}\n`);
  const shown = JSON.parse(machine.holdfast('inspect', 'count', '--json').stdout) as AllocView;
  expect(shown.tasks).toMatchObject([{ startHeldBy: ['safe-mode'] }]);
  const findings = JSON.parse(machine.holdfast('doctor', '--json').stdout) as Finding[];
  expect(findings.filter(({ check }) => check === 'starts')).toMatchObject([
    { level: 'warn', message: expect.stringContaining('(safe mode)') },
  ]);
});
