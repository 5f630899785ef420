/** Memory of everything that is ours per idle raw_exec task: hosts, shims and what the agent grows by. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { printFigures, type Figure } from './figures.ts';
import { Machine, pidsOf, until } from '../test/acceptance/rig.ts';

const TASKS = 100;
/** For what was allocated during the starts to be given back. */
const SETTLE_MS = 6_000;

export async function benchMemory(): Promise<readonly Figure[]> {
  const machine = new Machine();
  try {
    const agent = await machine.startAgent();
    await delay(SETTLE_MS);
    const alone = pssOf(machine.agentPid);
    const config = { command: 'sleep', args: ['100000'] };
    const tasks = Array.from({ length: TASKS }, (_one, index) => ({
      name: `t${index}`,
      driver: 'raw_exec',
      config,
    }));
    const alloc = await agent.run({ name: 'idle', tasks });
    const programs = await until('all tasks run', () => pidsOf(agent, alloc.allocId));
    await delay(SETTLE_MS);
    const ours = [...ownProcesses(machine.dataDir)].filter((pid) => !programs.includes(pid));
    const sizes = ours.map((pid) => ({ pid, kb: pssOf(pid), what: nameOf(pid) }));
    const sum = (kind: string): number =>
      sizes.filter(({ what }) => what === kind).reduce((all, { kb }) => all + kb, 0);
    const total = sizes.reduce((all, { kb }) => all + kb, 0);
    await agent.stop(alloc.allocId);
    const note = `agent alone ${mb(alone)}, with tasks ${mb(sum('agent'))}; executor host ${mb(sum('executor-host'))}; logmon host ${mb(sum('logmon-host'))}; ${sizes.filter(({ what }) => what === 'shim').length} shims ${mb(sum('shim'))} MB PSS`;
    return [
      {
        name: 'memory per idle raw_exec task',
        value: (total - alone) / TASKS / 1024,
        unit: 'MB',
        target: '<= 0.5',
        note,
      },
    ];
  } finally {
    await machine.scrap();
  }
}

function mb(kb: number): string {
  return (kb / 1024).toFixed(1);
}

/**
 * Kilobytes of one process, with pages of files that several processes share (Node's own text) left out: the agent has
 * them already, and whoever else runs Node on this machine would change the figure.
 */
export function pssOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const kb = (key: string): number =>
    Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return kb('Pss_Anon') + kb('Pss_Shmem') + kb('Private_Clean');
}

export function* ownProcesses(dataDir: string): Generator<number> {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    try {
      if (readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(dataDir)) yield Number(name);
    } catch {
      // It ended.
    }
  }
}

function nameOf(pid: number): string {
  const argv = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  return /executor-host|logmon-host/.exec(argv)?.[0] ?? (argv.includes('shim-') ? 'shim' : 'agent');
}

if (import.meta.main) printFigures(await benchMemory());
