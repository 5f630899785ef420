import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { noContainersBecause } from '../processes/container-rig.ts';
import { faultInCount, Machine, pidsOf, until } from './rig.ts';

const obstacle = noContainersBecause();
const KILLS = 3;

/** Counts aloud until a file appears in its directory, then ends with 7. */
const COUNT =
  '$| = 1; for ($i = 1; ! -e "/local/end"; $i++) { print "$i\\n"; select(undef, undef, undef, 0.01) } exit 7';

describe.skipIf(obstacle)(`an isolated task (${obstacle ?? 'here'})`, () => {
  let machine: Machine;
  afterEach(() => machine.scrap());

  it('outlives agents and hosts with the same pid, and neither its output nor its end is lost', async () => {
    machine = new Machine();
    let agent = await machine.startAgent();
    const alloc = await agent.run({
      name: 'count',
      type: 'batch',
      restart: { attempts: 0, mode: 'fail' },
      tasks: [{ name: 'one', driver: 'exec', config: { command: 'perl', args: ['-e', COUNT] } }],
    });
    const { allocId } = alloc;
    const pids = await until('the task runs', () => pidsOf(agent, allocId));
    for (let kill = 0; kill < KILLS; kill += 1) {
      await machine.killAgent();
      for (const kind of ['executor', 'logmon'] as const) {
        process.kill(await until(`a ${kind} host lives`, () => machine.hostPid(kind)), 'SIGKILL');
      }
      agent = await machine.startAgent();
      expect(await until('the task is watched', () => pidsOf(agent, allocId))).toEqual(pids);
    }
    await machine.killAgent();
    process.kill(await until('a host lives', () => machine.hostPid('executor')), 'SIGKILL');
    // It ends while nobody watches: conmon and the shim keep what became of it.
    writeFileSync(join(machine.dataDir, 'allocs', allocId, 'one', 'local', 'end'), '');
    agent = await machine.startAgent();
    const ended = await until('the end is known', async () => {
      const { tasks } = await agent.inspect(allocId);
      return tasks.find(({ nomadState }) => nomadState === 'dead');
    });
    expect(ended).toMatchObject({ exitCode: 7, signal: null, run: 1, state: 'failed' });
    await until('the output is whole', () => machine.outputOf(allocId, 'one').endsWith('\n'));
    expect(faultInCount(machine.outputOf(allocId, 'one'))).toBeUndefined();
  });
});
