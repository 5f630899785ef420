/** While no agent lives, an executor host sees to it that the output of its tasks is collected. */
import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { COUNTING, eventsSoFar, faultInCount, isRunning, Machine, pidsOf, until } from './rig.ts';

let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.scrap());

const TOTAL = 10_000_000;

/** Waits for a file, then writes so many bytes, which no pipe holds, and ends. */
function burst(sign: string): GroupSpecInput {
  const script =
    'select(undef, undef, undef, 0.01) until -e $ARGV[0];' +
    `$| = 1; for ($i = 0; $i < ${TOTAL / 10}; $i++) { printf "%09d\\n", $i }`;
  const config = { command: 'perl', args: ['-e', script, sign] };
  const task = { name: 'a', driver: 'raw_exec', config, restart: { attempts: 0 } };
  return { name: 'burst', type: 'batch', tasks: [task] };
}

/** Everything that hosts of this machine have logged. */
function hostLogs(dataDir = machine.dataDir): string {
  const hosts = join(dataDir, 'state', 'hosts');
  return readdirSync(hosts)
    .map((id) => join(hosts, id, 'host.log'))
    .filter(existsSync)
    .map((path) => readFileSync(path, 'utf8'))
    .join('');
}

async function killLogmon(): Promise<void> {
  const pid = await until('a logmon host lives', () => machine.hostPid('logmon'));
  process.kill(pid, 'SIGKILL');
  await until('it is gone', () => !isRunning(pid));
}

describe('output while no agent lives', () => {
  it('of a program that ends is whole before the next agent comes', async () => {
    const sign = join(machine.dataDir, 'begin');
    let agent = await machine.startAgent();
    const { allocId } = await agent.run(burst(sign));
    const [pid = 0] = await until('it runs', () => pidsOf(agent, 'burst'));
    await machine.killAgent();
    await killLogmon();
    writeFileSync(sign, '');
    await until('the program has ended', () => !isRunning(pid));
    await until('all of it is in the files', () => {
      return machine.outputOf(allocId, 'a').length >= TOTAL;
    });
    expect(hostLogs().match(/"event":"logmon-host-started"/g)).toHaveLength(1);
    expect(hostLogs().match(/"event":"output-handed-over"/g)).toHaveLength(1);
    agent = await machine.startAgent();
    await until('its end is recorded', async () => {
      return (await agent.inspect(allocId)).tasks[0]?.nomadState === 'dead';
    });
    let text = '';
    for await (const { data } of agent.logs(allocId)) text += new TextDecoder().decode(data);
    expect(text).toHaveLength(TOTAL);
    expect(text.slice(0, 20)).toBe('000000000\n000000001\n');
    expect(text.slice(-10)).toBe('000999999\n');
  });

  it('is collected by one host for all executor hosts, also of runs that a host has adopted', async () => {
    let agent = await machine.startAgent();
    const tasks = ['a', 'b', 'c'].map((name) => {
      return { name, driver: 'raw_exec', config: COUNTING };
    });
    const { allocId } = await agent.run({ name: 'count', tasks });
    const pids = await until('all run', () => pidsOf(agent, allocId));
    const first = machine.hostPid('executor') ?? 0;
    process.kill(first, 'SIGKILL');
    await until('another host has adopted them', async () => {
      return (await eventsSoFar(agent, { types: ['HostReplaced'] })).length > 0;
    });
    expect(await pidsOf(agent, allocId)).toEqual(pids);
    await machine.killAgent();
    for (let kill = 1; kill <= 2; kill += 1) {
      await killLogmon();
      const size = machine.outputOf(allocId, 'c').length;
      await until('the output goes on', () => machine.outputOf(allocId, 'c').length > size);
    }
    const heir = machine.hostPid('logmon');
    agent = await machine.startAgent();
    expect(await pidsOf(agent, allocId)).toEqual(pids);
    await agent.stop(allocId);
    for (const task of ['a', 'b', 'c']) {
      expect(faultInCount(machine.outputOf(allocId, task))).toBeUndefined();
    }
    // The agent knew it, and started no other.
    const started = await eventsSoFar(agent, { types: ['HostStarted'] });
    const kinds = started.map(({ data }) => (data as { kind: string }).kind);
    expect(kinds.toSorted()).toEqual(['executor', 'executor', 'logmon']);
    expect(machine.hostPid('logmon')).toBe(heir);
  });
});

describe('a data directory that was moved away', () => {
  it('is not begun anew in its old place by the hosts, and goes on when it is back', async () => {
    const agent = await machine.startAgent();
    const { allocId } = await agent.run({
      name: 'count',
      tasks: [{ name: 't', driver: 'raw_exec', config: COUNTING }],
    });
    const [pid = 0] = await until('it runs', () => pidsOf(agent, 'count'));
    const logmon = machine.hostPid('logmon') ?? 0;
    const { dataDir, agentPid } = machine;
    const away = `${dataDir}-away`;
    renameSync(dataDir, away);
    try {
      await until('the agent has ended', () => !isRunning(agentPid));
      process.kill(logmon, 'SIGKILL');
      const refused = `${dataDir}/state was removed, moved or exchanged`;
      await until('a host has looked', () => hostLogs(away).includes(refused));
      expect(existsSync(dataDir)).toBe(false);
    } finally {
      renameSync(away, dataDir);
    }
    await until('its output is collected again', () => machine.hostPid('logmon'));
    const again = await machine.startAgent();
    expect(await until('it is adopted', () => pidsOf(again, allocId))).toEqual([pid]);
  });
});
