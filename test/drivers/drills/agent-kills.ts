/**
 * Agents are killed under containers that count aloud, and so are those who move and collect what they say: there is
 * one container for each task to the end, and every line of it once.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator } from '../../../src/api.ts';
import { messageOf } from '../../../src/errors.ts';
import { Machine } from '../../acceptance/rig.ts';
import { type EngineRig, IMAGE } from '../../docker/engine-rig.ts';
import { killHosts } from '../../docker/kill-hosts.ts';
import type { Drill, Findings } from '../../faults/drill.ts';
import { eventually, insist, withEngine } from './room.ts';

const TASKS = 4;
const KINDS = ['docker-logger', 'logmon'] as const;
const COUNTS =
  'echo x >>/alloc/data/ran-$0; trap "exit 0" TERM; i=0; while [ ! -e /alloc/data/stop ]; do ' +
  'seq $((i + 1)) $((i + 10)); seq $((i + 1)) $((i + 10)) >&2; i=$((i+10)); usleep 20000; done; echo $i >/alloc/data/last-$0';

/** What is done beside the kill of an agent. */
type Mishap = (machine: Machine, findings: Findings) => void;

export const agentKills: Drill = {
  name: 'agent kills',
  promise:
    'agents that are killed find their containers again, and every line of them is there once',
  tools: ['dockerd', 'nsenter'],
  privileges: ['root'],
  cases: { share: 3, full: 50 },
  run: (findings, cases) =>
    withEngine(async (engine) => {
      await findings.attempt('kills', () => survived(findings, engine, cases, killsHosts));
      const text = await survived(findings, engine, 3, forgetsPositions).then(
        () => 'nothing was noticed',
        messageOf,
      );
      findings.control('a logger that forgets how far it was', /out of order/.test(text), text);
    }),
};

async function survived(
  findings: Findings,
  engine: EngineRig,
  kills: number,
  mishap: Mishap,
): Promise<void> {
  const machine = new Machine();
  try {
    const options = join(engine.dir, 'options.json');
    writeFileSync(options, JSON.stringify({ drivers: { docker: { endpoint: engine.endpoint } } }));
    const start = (): Promise<Orchestrator> =>
      machine.startAgent('--driver-options', options, '--only-driver', 'docker');
    let agent = await start();
    const { allocId } = await agent.run({
      name: 'kills',
      type: 'batch',
      tasks: TASK_NAMES.map(taskOf),
    });
    const data = join(machine.dataDir, 'allocs', allocId, 'alloc/data');
    await eventually('all run', () =>
      TASK_NAMES.every((name) => existsSync(join(data, `ran-${name}`))),
    );
    const before = engine.names().toSorted();
    for (let kill = 0; kill < kills; kill += 1) {
      await delay(findings.between(0, 400));
      await machine.killAgent();
      mishap(machine, findings);
      agent = await start();
      findings.count('agents killed');
    }
    writeFileSync(join(data, 'stop'), '');
    const { tasks } = await (await agent.alloc(allocId)).wait();
    insist(
      'ends',
      tasks.map(({ exitCode }) => exitCode),
      TASK_NAMES.map(() => 0),
    );
    insist('containers', before.length, TASKS);
    for (const name of TASK_NAMES) {
      const times = readFileSync(join(data, `ran-${name}`), 'utf8');
      insist(`times that ${name} ran`, times.length / 2, 1);
      const last = Number(readFileSync(join(data, `last-${name}`), 'utf8'));
      for (const stream of ['stdout', 'stderr'] as const) {
        insistOnCount(`${name} ${stream}`, machine.outputOf(allocId, name, stream), last);
        findings.count('lines, each once', last);
      }
    }
    await eventually('nothing is left', () => engine.names().length === 0);
  } finally {
    await machine.scrap();
    for (const name of engine.names()) engine.docker('rm', '--force', name);
  }
}

const TASK_NAMES = Array.from({ length: TASKS }, (_, no) => `t${no}`);

function taskOf(name: string) {
  const config = { image: IMAGE, command: 'sh', args: ['-c', COUNTS, name] };
  const restart = { attempts: 0, mode: 'fail' } as const;
  return { name, driver: 'docker', config, restart, logs: { maxFiles: 100 } };
}

function insistOnCount(what: string, text: string, last: number): void {
  const lines = text.split('\n').slice(0, -1);
  const wrong = lines.findIndex((line, no) => Number(line) !== no + 1);
  if (wrong !== -1) throw new Error(`${what}: line ${wrong + 1} is out of order: ${lines[wrong]}`);
  insist(`lines of ${what}`, lines.length, last);
}

/** Often enough nobody is left who knows how far it was. */
function killsHosts(machine: Machine, findings: Findings): void {
  for (const kind of KINDS) {
    if (findings.random() < 0.3)
      findings.count(`${kind} killed with it`, killHosts(machine.dataDir, kind));
  }
}

function forgetsPositions(machine: Machine): void {
  killHosts(machine.dataDir, 'docker-logger');
  const runs = join(machine.dataDir, 'state/run');
  for (const run of readdirSync(runs)) {
    for (const name of readdirSync(join(runs, run))) {
      if (name.endsWith('.position')) rmSync(join(runs, run, name));
    }
  }
}
