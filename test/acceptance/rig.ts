/** Real agents on a real data directory, for the promises that only real processes can show. */
import { type ChildProcess, spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventQuery, Orchestrator, PublicEvent } from '../../src/api.ts';
import { connectOrchestrator } from '../../src/client/connect-orchestrator.ts';
import { HoldfastError } from '../../src/errors.ts';
import { killCgroup } from '../../src/os/cgroup-kill.ts';
import { cgroupOfRun, machineCgroups } from '../../src/os/cgroup-layout.ts';
import { cgroupsOfRuns, removeCgroup, removeInstanceCgroup } from '../../src/os/cgroup-tree.ts';
import { readMountTable } from '../../src/os/mount-table.ts';
import { type OutputStream, segmentNumbers, segmentPath } from '../../src/output/segments.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';

const COMMAND = new URL('../../bin/holdfast', import.meta.url).pathname;

export class Machine {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'hf-'));
  readonly command: string;
  #agent: ChildProcess | undefined;
  #output = '';

  constructor(command = COMMAND) {
    this.command = command;
  }

  /** What the agents of this machine have said so far. */
  get output(): string {
    return this.#output;
  }
  get agentPid(): number {
    return this.#agent?.pid ?? 0;
  }

  /** The command, as somebody types it on this machine. */
  holdfast(...args: readonly string[]): SpawnSyncReturns<string> {
    return spawnSync(this.command, [...args, '--data-dir', this.dataDir], { encoding: 'utf8' });
  }

  /** Starts an agent and resolves with a connection to it once it is ready. */
  async startAgent(...more: readonly string[]): Promise<Orchestrator> {
    const args = ['agent', '--data-dir', this.dataDir, '--driver', 'raw_exec', ...more];
    const agent = spawn(this.command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#agent = agent;
    agent.stderr.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    const hasEnded = new Promise<never>((_resolve, reject) => {
      agent.once('exit', (code) => reject(new Error(`the agent ended (${code}): ${this.#output}`)));
    });
    hasEnded.catch(() => undefined);
    return Promise.race([this.connect(), hasEnded]);
  }

  /** Connects as soon as an agent answers. */
  async connect(): Promise<Orchestrator> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await connectOrchestrator({ dataDir: this.dataDir });
      } catch (error) {
        if (tries > 600 || !HoldfastError.is(error) || !error.retryable) throw error;
        await delay(50);
      }
    }
  }

  /** `kill -9`, and the end awaited. */
  async killAgent(): Promise<void> {
    const agent = this.#agent;
    if (agent === undefined || agent.exitCode !== null) return;
    const ended = new Promise((resolve) => agent.once('exit', resolve));
    agent.kill('SIGKILL');
    await ended;
    this.#agent = undefined;
  }

  /** The pid of a live host of a kind. */
  hostPid(kind: 'executor' | 'logmon'): number | undefined {
    const hosts = join(this.dataDir, 'state', 'hosts');
    for (const id of readdirSync(hosts)) {
      try {
        const address = JSON.parse(readFileSync(join(hosts, id, 'address.json'), 'utf8')) as {
          kind: string;
          pid: number;
        };
        if (address.kind === kind && isRunning(address.pid)) return address.pid;
      } catch {
        // It writes its address just now.
      }
    }
    return undefined;
  }

  /** Everything that a task wrote to a stream, from the files themselves. */
  outputOf(allocId: string, task: string, stream: OutputStream = 'stdout'): string {
    const dir = join(this.dataDir, 'state', 'logs', allocId);
    const series = { dir, stem: task, stream };
    return segmentNumbers(readdirSync(dir), series)
      .map((number) => readFileSync(segmentPath(series, number), 'utf8'))
      .join('');
  }

  /** As a power cut would: hosts, shims and programs. */
  killAll(): void {
    for (const pid of processesOf(this.dataDir)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
  }

  /** What gave its environment away is only known by them. */
  #endCgroups(): void {
    const layout = machineCgroups();
    const file = join(this.dataDir, 'state', 'instance.json');
    if (!existsSync(file)) return;
    const { instanceId } = JSON.parse(readFileSync(file, 'utf8')) as { instanceId: string };
    for (const one of cgroupsOfRuns(layout)) {
      if (one.instanceId !== instanceId) continue;
      const path = cgroupOfRun(layout.parent, instanceId, one.launchKey);
      killCgroup(layout, path);
      removeCgroup(layout, path);
    }
    removeInstanceCgroup(layout, instanceId);
  }

  /** What is in memory for secrets stays mounted when nobody stands by a task to its end. */
  #endMounts(): void {
    for (const { point } of readMountTable()) {
      if (point.startsWith(`${this.dataDir}/`)) spawnSync('umount', ['-l', point]);
    }
  }

  /** Ends everything that belongs to this machine and removes its files. */
  async scrap(): Promise<void> {
    await this.killAgent();
    this.killAll();
    this.#endCgroups();
    this.#endMounts();
    rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

export function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** Hosts by their arguments, shims and programs by their environment or directory. */
function processesOf(dataDir: string): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid) || pid === process.pid) return false;
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        return `${argv}${readFileSync(`/proc/${pid}/environ`, 'latin1')}`.includes(dataDir);
      } catch {
        return false;
      }
    });
}

/** Waits until `look` gives something, for a minute at most, however long a look takes. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`not within a minute: ${what}`);
    await delay(50);
  }
}

/** A program that counts aloud, a hundred lines a second, without starting any other program. */
export const COUNTING: Readonly<Record<string, unknown>> = {
  command: 'perl',
  args: ['-e', '$| = 1; for ($i = 1; ; $i++) { print "$i\\n"; select(undef, undef, undef, 0.01) }'],
};

export function countingGroup(name: string, tasks: number): GroupSpecInput {
  return {
    name,
    tasks: Array.from({ length: tasks }, (_one, index) => ({
      name: `t${index}`,
      driver: 'raw_exec',
      config: COUNTING,
    })),
  };
}

/** The pids of an alloc's tasks, in the order of the tasks, when every one runs. */
export async function pidsOf(agent: Orchestrator, ref: string): Promise<readonly number[] | false> {
  const { tasks } = await agent.inspect(ref);
  const pids = tasks.map(({ state, pid }) => (state === 'running' ? pid : null));
  return pids.every((pid) => pid !== null) && pids;
}

/** Runs a group of one counting task; its pid. */
export async function runningPid(agent: Orchestrator, name: string): Promise<number> {
  const { allocId } = await agent.run(countingGroup(name, 1));
  const pids = await until('it runs', () => pidsOf(agent, allocId));
  return pids[0] as number;
}

/** Every event of these types or of this REF so far. */
export async function eventsSoFar(
  agent: Orchestrator,
  query: Pick<EventQuery, 'ref' | 'types'>,
): Promise<readonly PublicEvent[]> {
  const found: PublicEvent[] = [];
  for await (const event of agent.events({ ...query, until: 'head' })) found.push(event);
  return found;
}

/** SHA-256 of all that a task wrote, as a user reads it. */
export async function digestOf(agent: Orchestrator, ref: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const { data } of agent.logs(ref)) hash.update(data);
  return hash.digest('hex');
}

/** The first thing wrong with text that should be the lines 1, 2, 3 …, or undefined. */
export function faultInCount(text: string): string | undefined {
  const lines = text.split('\n');
  if (lines.pop() !== '') return 'the last line is not whole';
  const wrong = lines.findIndex((line, index) => line !== String(index + 1));
  return wrong < 0 ? undefined : `line ${wrong + 1} is "${lines[wrong]}"`;
}

/** Follows the events of whatever agent serves, from the last position seen, over any number of agents. */
export class LoyalSubscriber {
  readonly positions: number[] = [];
  readonly events: PublicEvent[] = [];
  readonly #machine: Machine;
  readonly #leaving = new AbortController();
  #connections = 0;
  readonly #following: Promise<void>;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#following = this.#follow();
  }

  /** How many agents it has read from. */
  get connections(): number {
    return this.#connections;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#leaving;
    while (!signal.aborted) {
      const agent = await this.#machine.connect();
      this.#connections += 1;
      try {
        for await (const event of agent.events({ after: this.positions.at(-1) ?? 0, signal })) {
          this.positions.push(event.position);
          this.events.push(event);
        }
      } catch (error) {
        if (!HoldfastError.is(error) || !error.retryable) throw error;
      }
      await agent[Symbol.asyncDispose]();
    }
  }

  /** Ends once it has seen `head`. Its positions are 1 to head, each once and in order, or something is wrong. */
  async leaveAt(head: number): Promise<void> {
    await until(`the subscriber is at ${head}`, () => (this.positions.at(-1) ?? 0) >= head);
    this.#leaving.abort();
    await this.#following;
  }
}
