/** A command beside a task uses more memory than the task may: it is told why it ended, and the task is not blamed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import { exec, openOrchestrator, rawExec } from '../../src/index.ts';
import { cgroupAnswers } from '../../src/os/cgroup-answers.ts';
import { machineCgroups } from '../../src/os/cgroup-layout.ts';
import { noContainersBecause } from '../processes/container-rig.ts';
import { until } from './rig.ts';

const { memory } = cgroupAnswers(machineCgroups()).limits;
const isRoot = process.geteuid?.() === 0;
const obstacle = isRoot ? (memory.isAvailable ? undefined : memory.reason) : 'root';
const noContainers = noContainersBecause();

const END = { exitCode: null, signal: 'SIGKILL', reason: 'out of memory' };
const TERMINAL = { terminal: { columns: 80, rows: 24 } };

describe.skipIf(obstacle)(`a command beside a task (${obstacle ?? memory.reason})`, () => {
  let dataDir: string;
  let agent: Orchestrator;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'hm-'));
    agent = await openOrchestrator({ dataDir, drivers: [rawExec(), exec()] });
  });
  afterEach(async () => {
    await agent.close({ tasks: 'stop' });
    await rm(dataDir, { recursive: true, force: true });
  });

  async function isToldApart(driver: string, kind: object): Promise<void> {
    const script = "trap 'exit 0' TERM; while :; do sleep 0.05; done";
    const config = { command: '/bin/sh', args: ['-c', script], ...kind };
    const task = { name: 'api', driver, resources: { memoryMb: 32 }, config };
    await agent.run({ name: 'web', tasks: [task] });
    await until('the task runs', async () => {
      return (await agent.inspect('web')).tasks[0]?.state === 'running';
    });
    for (const options of [{}, TERMINAL]) {
      const greedy = await agent.exec('web', ['tail', '/dev/zero'], options);
      expect(await greedy.exit).toEqual(END);
      const killed = await agent.exec('web', ['sh', '-c', 'kill -KILL $$'], options);
      expect(await killed.exit).toEqual({ ...END, reason: 'ended by SIGKILL' });
    }
    await agent.stop('web');
    const exits: unknown[] = [];
    const query = { until: 'head', ref: 'web', types: ['TaskExited'] } as const;
    for await (const { data } of agent.events(query)) exits.push(data);
    expect(exits).toMatchObject([{ exitCode: 0, oomKilled: false }]);
  }

  it('that is ended for its memory is told so, and not the task that goes on', () =>
    isToldApart('raw_exec', {}));

  it.skipIf(noContainers)(`is told so in a container, too (${noContainers ?? 'here'})`, () =>
    isToldApart('exec', { executor: 'isolated' }),
  );
});
