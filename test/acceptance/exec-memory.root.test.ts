/** A command beside a task uses more memory than the task may: it is told why it ended, and the task is not blamed. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import { cgroupAnswers } from '../../src/os/cgroup-answers.ts';
import { machineCgroups } from '../../src/os/cgroup-layout.ts';
import { Machine, until } from './rig.ts';

const { memory } = cgroupAnswers(machineCgroups()).limits;
const isRoot = process.geteuid?.() === 0;
const obstacle = isRoot ? (memory.isAvailable ? undefined : memory.reason) : 'root';

describe.skipIf(obstacle)(`a command beside a task (${obstacle ?? memory.reason})`, () => {
  let machine: Machine;
  let agent: Orchestrator;
  afterEach(async () => {
    await agent.close();
    await machine.scrap();
  });

  it('that is ended for its memory is told so, and not the task that goes on', async () => {
    machine = new Machine();
    agent = await machine.startAgent();
    const script = "trap 'exit 0' TERM; while :; do sleep 0.05; done";
    const config = { command: '/bin/sh', args: ['-c', script] };
    const task = { name: 'api', driver: 'raw_exec', resources: { memoryMb: 32 }, config };
    await agent.run({ name: 'web', tasks: [task] });
    await until('the task runs', async () => {
      return (await agent.inspect('web')).tasks[0]?.state === 'running';
    });
    const greedy = await agent.exec('web', ['tail', '/dev/zero']);
    const end = { exitCode: null, signal: 'SIGKILL', reason: 'out of memory' };
    expect(await greedy.exit).toEqual(end);
    const killed = await agent.exec('web', ['sh', '-c', 'kill -KILL $$']);
    expect(await killed.exit).toEqual({ ...end, reason: 'ended by SIGKILL' });
    await agent.stop('web');
    const exits: unknown[] = [];
    const query = { until: 'head', ref: 'web', types: ['TaskExited'] } as const;
    for await (const { data } of agent.events(query)) exits.push(data);
    expect(exits).toMatchObject([{ exitCode: 0, oomKilled: false }]);
  });
});
