/**
 * Whole agents with live tasks, killed, with files of theirs damaged before the next one: it starts, every program lives
 * exactly once, and when all is stopped nothing of ours is left.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Orchestrator } from '../../src/api.ts';
import { HoldfastError } from '../../src/errors.ts';
import { layoutOf } from '../../src/layout.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { Machine, until } from '../acceptance/rig.ts';
import type { Drill, Findings } from './drill.ts';
import { isRunning, processesWith } from './processes.ts';
import { damageFile } from './programs/damage.ts';

export const damagedAgents: Drill = {
  name: 'damaged agents',
  promise: 'an agent whose files were damaged starts, and every program of it lives exactly once',
  tools: [],
  privileges: [],
  cases: { share: 2, full: 100 },
  async run(findings, cases) {
    for (let number = 0; number < cases; number += 1) await oneAgent(findings, number);
  },
};

const TASKS = ['one', 'two'] as const;

async function oneAgent(findings: Findings, number: number): Promise<void> {
  const machine = new Machine();
  const damages: string[] = [];
  try {
    await machine.startAgent().then((agent) => startTasks(agent, machine));
    const before = new Map(TASKS.map((task) => [task, livingOf(machine, task)[0]]));
    await machine.killAgent();
    if (findings.random() < 0.3) process.kill(machine.hostPid('executor') ?? 0, 'SIGKILL');
    for (let count = findings.between(1, 4); count > 0; count -= 1) {
      const path = findings.pick(filesOf(machine));
      damages.push(
        `${path.slice(machine.dataDir.length + 7)} ${damageFile(path, findings.random)}`,
      );
    }
    const hasSpec = readdirSync(layoutOf(machine.dataDir).specDir).length > 0;
    const agent = await machine.startAgent();
    const isForgotten = (await agent.allocs({ all: true })).length === 0;
    if (isForgotten && !hasSpec) {
      findings.count('agents that were told of nothing');
      await until('nothing lives', () =>
        TASKS.every((task) => livingOf(machine, task).length === 0),
      );
      return;
    }
    await until('every program lives once', () => TASKS.every((task) => livesOnce(machine, task)));
    if (isForgotten) {
      // The store is lost and the spec cannot be read: programs are held until somebody says what they are.
      findings.count('agents that were told again');
      await agent.run(groupOf(machine), { allocId: 'web' });
    }
    if (isBlinded(damages)) findings.count('agents that cannot tell');
    else await until('the agent knows them', () => isKnown(agent, machine));
    findings.count('agents');
    for (const task of TASKS) {
      const isSame = livingOf(machine, task)[0] === before.get(task);
      findings.count(isSame ? 'programs kept' : 'programs begun anew');
    }
    await endAll(machine);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    findings.fail(`${number}: ${damages.join(', ')}`, `${text} ${machine.output.slice(-1_000)}`);
  } finally {
    await machine.scrap();
  }
}

/** With its events lost and its own files damaged nobody can tell what a run is: it is waited for, and can be stopped. */
function isBlinded(damages: readonly string[]): boolean {
  const isDamaged = (pattern: RegExp) => damages.some((damage) => pattern.test(damage));
  return isDamaged(/^store\/log/) && isDamaged(/^run\/.*(fate|identity|intent)/);
}

function groupOf(machine: Machine): GroupSpecInput {
  return {
    name: 'web',
    restart: { attempts: 9, interval: '1h', delay: '100ms' },
    tasks: TASKS.map((name) => {
      const script = `echo "${name} $$" >> ${ledgerOf(machine)}; exec sleep 1000000`;
      return { name, driver: 'raw_exec', config: { command: '/bin/sh', args: ['-c', script] } };
    }),
  };
}

async function startTasks(agent: Orchestrator, machine: Machine): Promise<void> {
  await agent.run(groupOf(machine), { allocId: 'web' });
  await until('it runs', () => isKnown(agent, machine));
}

function ledgerOf(machine: Machine): string {
  return join(machine.dataDir, 'ledger');
}

/** Everything of the agent's that a disk may damage: all but logs, sockets, and what only one process ever reads. */
function filesOf(machine: Machine): readonly string[] {
  const { stateDir } = layoutOf(machine.dataDir);
  return readdirSync(stateDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/\/(logs|cache|fifo)\/|host\.log|shim-|sock/.test(path))
    .sort();
}

/** Pids of a task's programs that live, as they wrote themselves down. */
function livingOf(machine: Machine, task: string): readonly number[] {
  if (!existsSync(ledgerOf(machine))) return [];
  return readFileSync(ledgerOf(machine), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${task} `))
    .map((line) => Number(line.split(' ')[1]))
    .filter((pid) => isRunning(pid));
}

/** Twice is never right, not even for a moment. */
function livesOnce(machine: Machine, task: string): boolean {
  const living = livingOf(machine, task);
  if (living.length > 1) throw new Error(`task ${task} lives as ${living.join(' and ')}`);
  return living.length === 1;
}

async function isKnown(agent: Orchestrator, machine: Machine): Promise<boolean> {
  try {
    const { tasks } = await agent.inspect('web');
    return TASKS.every((name) => {
      const view = tasks.find(({ task }) => task === name);
      return (
        view?.state === 'running' &&
        livesOnce(machine, name) &&
        view.pid === livingOf(machine, name)[0]
      );
    });
  } catch (error) {
    if (HoldfastError.is(error, 'NOT_FOUND')) return false;
    throw error;
  }
}

async function endAll(machine: Machine): Promise<void> {
  const agent = await machine.connect();
  await agent.stop('web', { signal: AbortSignal.timeout(60_000) });
  for (const task of TASKS) {
    const left = livingOf(machine, task);
    if (left.length > 0) throw new Error(`task ${task} outlived its stop as ${left.join(', ')}`);
  }
  const { instanceId } = await agent.agent();
  const marked = processesWith(`HOLDFAST_MARK=${instanceId}:`);
  if (marked.length > 0) throw new Error(`${marked.length} processes carry our mark`);
}
