/** A host that lives and does not answer: stopped by a signal here, as a hanging disk or a debugger would. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { HostPool } from '../../src/actors/host-pool.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { silentLogger } from '../../src/ports.ts';
import { FakeClock } from '../../src/testing/index.ts';
import { countingGroup, faultInCount, Machine, pidsOf, until } from './rig.ts';

describe('a host that is stopped while its agent is away', () => {
  const machine = new Machine();
  afterEach(() => machine.scrap());

  it('is ended and replaced by the next agent, and no task notices', async () => {
    let agent = await machine.startAgent();
    const { allocId } = await agent.run(countingGroup('count', 2));
    const pids = await until('both run', () => pidsOf(agent, allocId));
    await machine.killAgent();
    for (const kind of ['executor', 'logmon'] as const) {
      process.kill(machine.hostPid(kind) as number, 'SIGSTOP');
    }
    agent = await machine.startAgent();
    expect(await until('both run on', () => pidsOf(agent, allocId))).toEqual(pids);
    const lost: unknown[] = [];
    for await (const { data } of agent.events({ until: 'head', types: ['HostLost'] })) {
      lost.push((data as { reason: unknown }).reason);
    }
    expect(lost).toEqual(['it was mute and was ended', 'it was mute and was ended']);
    const before = machine.outputOf(allocId, 't0').length;
    await until('output goes on', () => machine.outputOf(allocId, 't0').length > before);
    await agent.stop('count');
    for (const task of ['t0', 't1']) {
      expect(faultInCount(machine.outputOf(allocId, task))).toBeUndefined();
    }
  });
});

describe('an executor host that is stopped under a living agent', () => {
  const machine = new Machine();
  afterEach(() => machine.scrap());

  it('is replaced while a start and a stop wait for it, and the log of the agent names it', async () => {
    const agent = await machine.startAgent();
    const first = await agent.run(countingGroup('first', 1));
    await until('it runs', () => pidsOf(agent, first.allocId));
    const pid = machine.hostPid('executor') as number;
    process.kill(pid, 'SIGSTOP');
    const second = await agent.run(countingGroup('second', 1));
    await Promise.all([
      agent.stop('first'),
      until('it was started', () => pidsOf(agent, second.allocId)),
    ]);
    expect(machine.output).toContain(`kill -CONT ${pid}`);
    expect(faultInCount(machine.outputOf(first.allocId, 't0'))).toBeUndefined();
  });
});

describe('a host that stops answering', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'hf-mute-'));
  afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

  it('is ended after some questions, and its children are handed to another one', async () => {
    const facts: unknown[] = [];
    const adopted: (readonly string[])[] = [];
    const pool = new HostPool({
      stateDir,
      kind: 'executor',
      protocol: 1,
      instanceId: 'i1',
      agentEpoch: 1,
      machineEpoch: machineEpoch(),
      perHost: 256,
      pulse: { lookMs: 100, looksBetween: 1, mostMissed: 4, mostMissedByCalls: 2 },
      clock: new FakeClock(),
      logger: silentLogger,
      record: (type, data) => void facts.push({ type, ...data }),
      onUp: async (_host, keys) => {
        adopted.push(keys);
        return keys.length;
      },
    });
    const { host } = await pool.place('child');
    process.kill(host.address.pid, 'SIGSTOP');
    await until('it is replaced', () => adopted.length === 2);
    await until('it is recorded', () => facts.length >= 4);
    expect(adopted[1]).toEqual(['child']);
    expect(facts).toMatchObject([
      { type: 'HostStarted' },
      { type: 'HostLost', reason: 'it was mute and was ended' },
      { type: 'HostStarted' },
      { type: 'HostReplaced', adopted: 1 },
    ]);
    const { pid } = (await pool.place('child')).host.address;
    pool.close();
    process.kill(pid, 'SIGKILL');
  });
});
