/**
 * The logmon host dies while tasks print and the agent is gone, going or coming, so that the agent and several executor
 * hosts replace it at the same time. One does: no other host is started, every byte is there once, and the agent that
 * comes knows whoever collects. The control is without the claim that they compete for.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator } from '../../src/api.ts';
import { messageOf } from '../../src/errors.ts';
import { taskKey } from '../../src/os/launch-key.ts';
import { eventsSoFar, type Machine, pidsOf, until } from '../acceptance/rig.ts';
import { processesOf, send } from '../crash/processes.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import type { Patch } from '../patch.ts';
import { numberedTask } from './numbered-text.ts';
import { faultInNumbered, withMachine, withMutant, writtenBy } from './room.ts';

/** Every executor host has one task, so that there are as many heirs. */
const ONE_TASK_EACH: Patch = {
  file: 'src/actors/host-places.ts',
  find: 'keys.size + children <= Math.min(this.#perHost, room)',
  replace: "keys.size + children <= (host.address.kind === 'executor' ? 1 : this.#perHost)",
};

/** Nobody is refused, and whoever starts a host takes his time. */
const NO_CLAIM: readonly Patch[] = [
  ONE_TASK_EACH,
  { file: 'src/rpc/host-claim.ts', find: '!tryLock(fd);', replace: '!tryLock(fd) && fd < 0;' },
  {
    file: 'src/processes/executor-host/hand-over.ts',
    find: 'const hostId = Date.now().toString(36);',
    replace: `await new Promise((resolve) => setTimeout(resolve, 700));
    const hostId = Date.now().toString(36);`,
  },
];

const ORDERS = ['agent first', 'host first', 'agent stays', 'heir too'] as const;
type Order = (typeof ORDERS)[number];

const TASKS = ['one', 'two', 'three'];
const LOGS = { maxFiles: 1_000, maxFileSizeMb: 1 };
/** An executor host looks every second, and after two of them it acts. */
const HEIRS_ACT_MS = 2_600;

export const heirs: Drill = {
  name: 'heirs',
  promise: 'of an agent and executor hosts that replace a logmon host at the same time, one does',
  tools: [],
  privileges: [],
  mutants: [[ONE_TASK_EACH], NO_CLAIM],
  cases: { share: 4, full: 100 },
  async run(findings, cases) {
    await findings.attempt('races', () => played(findings, [ONE_TASK_EACH], cases, ORDERS));
    // In the other orders an agent may come before any heir acts, and nobody competes.
    const control = played(findings, NO_CLAIM, 4, ['heir too']);
    const text = await control.then(() => 'nothing was noticed', messageOf);
    findings.control('no claim', /logmon hosts/.test(text), text);
  },
};

function played(
  findings: Findings,
  patches: readonly Patch[],
  races: number,
  orders: readonly Order[],
): Promise<void> {
  return withMutant(patches, (command) => {
    return withMachine((machine) => new Contest(findings, machine).play(races, orders), command);
  });
}

class Contest {
  readonly #findings: Findings;
  readonly #machine: Machine;
  #agent: Orchestrator | undefined;
  #fifos: readonly string[] = [];
  #replaced = 0;

  constructor(findings: Findings, machine: Machine) {
    this.#findings = findings;
    this.#machine = machine;
  }

  /** Throws for the first thing that is not as it should be. */
  async play(races: number, orders: readonly Order[]): Promise<void> {
    const agent = await this.#machine.startAgent();
    this.#agent = agent;
    const { stop, allocId } = await this.#startTasks(agent);
    for (let race = 0; race < races; race += 1) {
      await this.#race(this.#findings.pick(orders));
      this.#findings.count('races');
    }
    writeFileSync(stop, '');
    await (await this.#agent.alloc(allocId)).wait();
    for (const name of TASKS) {
      const written = await writtenBy(stop, name);
      const fault = await faultInNumbered(this.#agent, `${allocId}/${name}`, written);
      if (fault !== undefined) throw new Error(fault);
    }
    process.kill(this.#machine.agentPid, 'SIGTERM');
    await until(
      'no host is left',
      () => this.#hosts('executor').concat(this.#hosts('logmon')).length === 0,
    );
  }

  async #startTasks(agent: Orchestrator): Promise<{ stop: string; allocId: string }> {
    const { dataDir } = this.#machine;
    const stop = join(dataDir, 'stop');
    const pace = { blockBytes: 3_000, blast: 20, pauseS: 0.05 };
    const tasks = TASKS.map((name) => numberedTask(name, stop, pace, LOGS));
    const { allocId } = await agent.run({ name: 'contest', type: 'batch', tasks });
    await until('they run', () => pidsOf(agent, allocId));
    this.#fifos = TASKS.flatMap((name) => {
      const stem = join(dataDir, 'state', 'fifo', taskKey(allocId, name));
      return [`${stem}.out`, `${stem}.err`];
    });
    return { stop, allocId };
  }

  #hosts(kind: 'executor' | 'logmon'): readonly number[] {
    return processesOf(this.#machine.dataDir)
      .filter(({ role }) => role === kind)
      .map(({ pid }) => pid);
  }

  async #race(order: Order): Promise<void> {
    await this.#oneCollects('before');
    if (order === 'agent first' || order === 'heir too') await this.#machine.killAgent();
    this.#killCollector();
    if (order === 'heir too') {
      await this.#oneCollects('heirs');
      this.#killCollector();
    }
    if (order === 'host first') await delay(this.#findings.between(0, 300));
    if (order === 'host first') await this.#machine.killAgent();
    await delay(this.#findings.between(0, HEIRS_ACT_MS));
    if (order !== 'agent stays') this.#agent = await this.#machine.startAgent();
    this.#findings.count(order);
    const collector = await this.#oneCollects(order);
    // An agent that is killed while it starts a host leaves one that nobody knows, which ends after a minute.
    const others = this.#hosts('logmon').filter((pid) => pid !== collector);
    if (order === 'host first') for (const pid of others) send(pid, 'SIGKILL');
    else if (others.length > 0) throw new Error(`${order}: ${1 + others.length} logmon hosts`);
    await this.#isKnown(collector, order);
  }

  #killCollector(): void {
    for (const pid of this.#hosts('logmon')) send(pid, 'SIGKILL');
  }

  /** The pid of the host that collects, once every FIFO is locked by one. */
  async #oneCollects(when: string): Promise<number> {
    const collectors = await until('somebody collects everything', () => {
      const hosts = this.#hosts('logmon');
      const holders = this.#fifos.map(lockHolderOf);
      return holders.every((pid) => hosts.includes(pid)) && new Set(holders);
    });
    const [pid = 0] = collectors;
    if (collectors.size > 1) throw new Error(`${when}: ${collectors.size} logmon hosts collect`);
    return pid;
  }

  /** An agent replaces the hosts that it knows, and nothing else tells of them. */
  async #isKnown(collector: number, order: string): Promise<void> {
    const agent = this.#agent as Orchestrator;
    const query = { types: ['HostReplaced'] };
    this.#replaced = (await eventsSoFar(agent, query)).length;
    send(collector, 'SIGKILL');
    await until(`the agent replaces the host that it knows (${order})`, async () => {
      return (await eventsSoFar(agent, query)).length > this.#replaced;
    });
  }
}

/** Who has locked a file, as the kernel tells; 0 for nobody. */
function lockHolderOf(path: string): number {
  const { ino } = statSync(path);
  const line = readFileSync('/proc/locks', 'latin1')
    .split('\n')
    .find((one) => one.includes('FLOCK') && one.includes(`:${ino} `));
  return Number(/WRITE\s+(\d+)/.exec(line ?? '')?.[1] ?? 0);
}
