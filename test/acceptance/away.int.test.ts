import { spawn } from 'node:child_process';
import {
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
  closeSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PublicEvent, TaskView } from '../../src/api.ts';
import { countingGroup, faultInCount, Machine, pidsOf, until } from './rig.ts';

let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.scrap());

/** Ends with 7 when a file appears; says on which run it was. */
function untilFile(path: string, code = 7): Readonly<Record<string, unknown>> {
  return {
    command: 'perl',
    args: ['-e', `select(undef, undef, undef, 0.01) until -e $ARGV[0]; exit ${code}`, path],
  };
}

async function taskOf(
  agent: Awaited<ReturnType<Machine['startAgent']>>,
  ref: string,
): Promise<TaskView> {
  return (await agent.inspect(ref)).tasks[0] as TaskView;
}

describe('a task that ends while no agent runs', () => {
  it('has its true exit code and time after a restart and is not run again', async () => {
    const sign = join(machine.dataDir, 'end');
    let agent = await machine.startAgent();
    await agent.run({
      name: 'once',
      type: 'batch',
      tasks: [{ name: 'a', driver: 'raw_exec', config: untilFile(sign), restart: { attempts: 0 } }],
    });
    const [pid] = await until('it runs', () => pidsOf(agent, 'once'));
    await machine.killAgent();
    const before = Date.now();
    closeSync(openSync(sign, 'w'));
    await until(
      'the program has ended',
      () => !existsSync(`/proc/${pid}`) || isZombie(pid as number),
    );
    const after = Date.now();
    agent = await machine.startAgent();
    const task = await until('the end is recorded', async () => {
      const view = await taskOf(agent, 'once');
      return view.nomadState === 'dead' && view;
    });
    expect(task).toMatchObject({ exitCode: 7, signal: null, run: 1, state: 'failed' });
    const exited = (await eventsOf(agent, 'once')).filter(({ type }) => type === 'TaskExited');
    expect(exited).toHaveLength(1);
    const exitedAt = (exited[0]?.data as { exitedAt: number } | undefined)?.exitedAt;
    expect(exitedAt).toBeGreaterThanOrEqual(before - 20);
    expect(exitedAt).toBeLessThanOrEqual(after + 1_000);
    expect(agent.recovery.tasks).toMatchObject([{ task: 'a', outcome: 'finished-while-away' }]);
  });

  it('is run again when its restart policy says so', async () => {
    const sign = join(machine.dataDir, 'end');
    let agent = await machine.startAgent();
    await agent.run({
      name: 'again',
      tasks: [
        {
          name: 'a',
          driver: 'raw_exec',
          config: untilFile(sign),
          restart: { attempts: 1, delay: '10ms', interval: '1h' },
        },
      ],
    });
    const [pid] = await until('it runs', () => pidsOf(agent, 'again'));
    await machine.killAgent();
    closeSync(openSync(sign, 'w'));
    await until(
      'the program has ended',
      () => !existsSync(`/proc/${pid}`) || isZombie(pid as number),
    );
    agent = await machine.startAgent();
    const task = await until('both runs are over', async () => {
      const view = await taskOf(agent, 'again');
      return view.nomadState === 'dead' && view;
    });
    expect(task).toMatchObject({ exitCode: 7, run: 2, restarts: 1, state: 'failed' });
    const types = (await eventsOf(agent, 'again')).map(({ type }) => type);
    expect(types.filter((type) => type === 'TaskStarted')).toHaveLength(2);
    expect(types.filter((type) => type === 'TaskExited')).toHaveLength(2);
  });
});

describe('a second agent on the same data directory', () => {
  it("is refused in one line that names the first one's pid, and the first goes on", async () => {
    const agent = await machine.startAgent();
    const second = spawn(machine.command, ['agent', '--data-dir', machine.dataDir], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    second.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const code = await new Promise((resolve) => second.once('exit', resolve));
    expect(code).toBe(4);
    expect(said.trimEnd().split('\n')).toHaveLength(1);
    expect(said).toContain(`${machine.agentPid}`);
    expect((await agent.agent()).pid).toBe(machine.agentPid);
  });
});

describe('a database that was damaged by hand', () => {
  it.each([
    ['in its first page', 0, 4_096],
    ['in the middle', 16_384, 8_192],
    ['everywhere', 0, 1_000_000],
  ])('%s is moved aside; what still runs is adopted', async (_where, from, bytes) => {
    let agent = await machine.startAgent();
    const alloc = await agent.run(countingGroup('count', 3));
    const pids = await until('every task runs', () => pidsOf(agent, alloc.allocId));
    const { storeId } = await agent.agent();
    // Enough events that the damaged pages hold some.
    for (let index = 0; index < 60; index += 1)
      await agent.signal(`${alloc.allocId}/t0`, 'SIGCONT');
    await machine.killAgent();
    damage(join(machine.dataDir, 'state', 'store', 'log.db'), from, bytes);
    agent = await machine.startAgent();
    const found = await until('every task runs again', () => pidsOf(agent, alloc.allocId));
    expect(found).toEqual(pids);
    expect(agent.recovery.damage).not.toBeNull();
    expect((await agent.agent()).storeId).not.toBe(storeId);
    const damaged = (await eventsOf(agent)).find(({ type }) => type === 'StoreDamaged');
    expect(damaged?.data).toMatchObject({ movedTo: expect.stringContaining('log.db.damaged-') });
    const store = readdirSync(join(machine.dataDir, 'state', 'store'));
    expect(store.some((name) => name.startsWith('log.db.damaged-'))).toBe(true);
    await agent.stop(alloc.allocId);
    for (const task of ['t0', 't1', 't2']) {
      expect(faultInCount(machine.outputOf(alloc.allocId, task))).toBeUndefined();
    }
  });
});

async function eventsOf(
  agent: Awaited<ReturnType<Machine['startAgent']>>,
  ref?: string,
): Promise<PublicEvent[]> {
  const found: PublicEvent[] = [];
  for await (const event of agent.events({ until: 'head', ...(ref === undefined ? {} : { ref }) }))
    found.push(event);
  return found;
}

function isZombie(pid: number): boolean {
  return /^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
}

/** Writes nonsense over a part of the file, and over what the log has not yet moved into it. */
function damage(path: string, from: number, bytes: number): void {
  for (const file of [path, `${path}-wal`]) {
    const size = statSync(file).size;
    const handle = openSync(file, 'r+');
    writeSync(
      handle,
      Buffer.alloc(Math.max(0, Math.min(bytes, size - from)), 0xa5),
      undefined,
      undefined,
      from,
    );
    closeSync(handle);
  }
}
