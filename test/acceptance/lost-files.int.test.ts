import { openSync, readdirSync, readFileSync, rmSync, writeSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import {
  countingGroup,
  eventsSoFar,
  isRunning,
  Machine,
  pidsOf,
  runningPid,
  until,
} from './rig.ts';

let machine: Machine;
let agent: Orchestrator;
beforeEach(async () => {
  machine = new Machine();
  agent = await machine.startAgent();
});
afterEach(() => machine.scrap());

describe('a live task whose run directory was removed', () => {
  let pid: number;
  beforeEach(async () => {
    pid = await runningPid(agent, 'count');
    const runDir = join(machine.dataDir, 'state', 'run');
    for (const key of readdirSync(runDir)) rmSync(join(runDir, key), { recursive: true });
  });

  it('is really ended by a stop, and nobody says how it ended', async () => {
    await agent.stop('count');
    expect(isRunning(pid)).toBe(false);
    expect(await typesOf('count')).toContain('TaskLost');
  });

  it('is ended before a restart starts another one', async () => {
    await agent.restart('count');
    const [next] = await until('run 2 runs', async () => {
      const { tasks } = await agent.inspect('count');
      return tasks[0]?.run === 2 && pidsOf(agent, 'count');
    });
    expect(isRunning(pid)).toBe(false);
    expect(isRunning(next as number)).toBe(true);
  });

  it('is ended before the next agent starts another one', async () => {
    await machine.killAgent();
    for (const kind of ['executor', 'logmon'] as const) {
      process.kill(machine.hostPid(kind) as number, 'SIGKILL');
    }
    agent = await machine.startAgent();
    await until('the loss is recorded', async () => (await typesOf('count')).includes('TaskLost'));
    expect(isRunning(pid)).toBe(false);
  });
});

describe('a group that is too large to be stored', () => {
  const large = {
    ...countingGroup('large', 1),
    meta: { text: 'x'.repeat(200_000) },
  };

  it('is refused as a spec that is wrong, and leaves nothing behind', async () => {
    await expect(agent.run(large, { allocId: 'mine' })).rejects.toMatchObject({
      code: 'SPEC_INVALID',
    });
    expect(readdirSync(join(machine.dataDir, 'state', 'specs'))).toEqual([]);
    await agent.run(countingGroup('small', 1), { allocId: 'mine' });
  });
});

describe('a spec file that cannot be accepted, beside a damaged store', () => {
  it('keeps the agent from nothing else', async () => {
    const { allocId } = await agent.run(countingGroup('count', 1));
    const pids = await until('it runs', () => pidsOf(agent, allocId));
    const specs = join(machine.dataDir, 'state', 'specs');
    const saved = JSON.parse(readFileSync(join(specs, `${allocId}.json`), 'utf8')) as object;
    const meta = { text: 'x'.repeat(200_000) };
    const bad = { ...saved, allocId: 'bad', spec: { ...countingGroup('bad', 1), meta } };
    const file = openSync(join(specs, 'bad.json'), 'w');
    writeSync(file, JSON.stringify(bad));
    closeSync(file);
    await machine.killAgent();
    const store = openSync(join(machine.dataDir, 'state', 'store', 'log.db'), 'r+');
    writeSync(store, Buffer.alloc(9_000, 0xa5), 0, 9_000, 0);
    closeSync(store);
    agent = await machine.startAgent();
    expect(await until('it runs', () => pidsOf(agent, allocId))).toEqual(pids);
  });
});

async function typesOf(ref: string): Promise<readonly string[]> {
  return (await eventsSoFar(agent, { ref })).map(({ type }) => type);
}
