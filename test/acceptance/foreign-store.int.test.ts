/** The store of another data directory in the place of the own one, put there by hand. */
import { spawnSync } from 'node:child_process';
import { cpSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { eventsSoFar, isRunning, Machine, pidsOf, runningPid, until } from './rig.ts';

let own: Machine;
let other: Machine;
beforeEach(() => {
  own = new Machine();
  other = new Machine();
});
afterEach(async () => {
  await own.scrap();
  await other.scrap();
});

function findingsOf(machine: Machine): readonly Finding[] {
  const args = ['doctor', '--json', '--data-dir', machine.dataDir];
  return JSON.parse(spawnSync(machine.command, args, { encoding: 'utf8' }).stdout) as Finding[];
}

/** FIFOs and sockets cannot be copied, and are made anew. */
function isKept(path: string): boolean {
  const found = lstatSync(path);
  return found.isFile() || found.isDirectory();
}

const TASK = { name: 't', driver: 'raw_exec', config: { command: 'true' } };

const MOVES: Readonly<Record<string, readonly string[]>> = {
  'its file alone': ['store/log.db'],
  'its whole directory': ['store'],
  'its directory and the mark above': ['store', 'head'],
};

describe('a store of another data directory', () => {
  it.each(Object.entries(MOVES))('with %s is moved aside and starts nothing', async (_, paths) => {
    const [one, two] = [await own.startAgent(), await other.startAgent()];
    const pid = await runningPid(one, 'ours');
    const theirs = await runningPid(two, 'theirs');
    const { instanceId } = await two.agent();
    for (const agent of [one, two]) await agent.close({ tasks: 'leave' });
    for (const machine of [own, other]) await machine.killAgent();
    for (const path of paths) {
      rmSync(join(own.dataDir, 'state', path), { recursive: true });
      const from = join(other.dataDir, 'state', path);
      cpSync(from, join(own.dataDir, 'state', path), { recursive: true });
    }
    const fault = `it is the store of another data directory, of instance ${instanceId}, and this is`;
    const told = findingsOf(own).filter(({ check }) => check === 'store');
    expect(told).toMatchObject([{ level: 'fail', message: expect.stringContaining(fault) }]);

    const agent = await own.startAgent();
    expect((await agent.allocs()).map(({ alloc }) => alloc)).toEqual(['ours']);
    expect(await until('it is adopted', () => pidsOf(agent, 'ours'))).toEqual([pid]);
    const [damaged] = await eventsSoFar(agent, { types: ['StoreDamaged'] });
    expect(damaged?.data).toMatchObject({
      reason: expect.stringContaining(fault),
      movedTo: expect.stringContaining('log.db.foreign-'),
      recovered: 0,
    });
    expect(isRunning(theirs)).toBe(true);
    expect((await agent.agent()).instanceId).not.toBe(instanceId);
    const aside = findingsOf(own).filter(({ check }) => check === 'foreign store');
    expect(aside).toHaveLength(1);
    expect(readdirSync(join(own.dataDir, 'state/store')).join()).toContain('log.db.foreign-');
  });

  it('of the same instance, in a state that was put back as a whole, is the own one', async () => {
    const state = join(own.dataDir, 'state');
    const done: GroupSpecInput = { name: 'done', type: 'batch', tasks: [TASK] };
    const agent = await own.startAgent();
    const first = await agent.run(done);
    await first.wait();
    await own.killAgent();
    own.killAll();
    cpSync(state, `${state}-backup`, { recursive: true, filter: isKept });
    const later = await own.startAgent();
    await (await later.run(done)).wait();
    await own.killAgent();
    own.killAll();
    rmSync(state, { recursive: true });
    cpSync(`${state}-backup`, state, { recursive: true });
    const again = await own.startAgent();
    expect((await again.inspect('done')).allocId).toBe(first.allocId);
    expect(again.recovery.damage).toBeNull();
  });
});
