/** Programs that are unwell: each is restarted in the steps of Nomad, every one of them once, over agents that die. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator, PublicEvent } from '../../src/api.ts';
import { messageOf } from '../../src/errors.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { eventsSoFar, type Machine, until } from '../acceptance/rig.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import type { Patch } from '../patch.ts';
import { NEVER_SAFE, withPatient } from './patient.ts';

type Check = NonNullable<GroupSpecInput['tasks'][number]['checks']>[number];

/** Side by side. */
const LIVES = 5;
/** Of agents, while programs of one round are unwell. */
const MOST_KILLS = 6;
const ATTEMPTS = 2;
const RESTART = { attempts: ATTEMPTS, interval: '10h', delay: '10ms', mode: 'fail' } as const;
const NAME = 'never-well';
const UNWELL = {
  name: NAME,
  interval: '400ms',
  timeout: '20s',
  checkRestart: { limit: 2, grace: '100ms' },
} as const;
/** A command beside the program, and a port at which nobody listens. */
const CHECKS: readonly Check[] = [
  { ...UNWELL, type: 'script', command: 'sh', args: ['-c', 'echo "no good"; exit 2'] },
  { ...UNWELL, type: 'tcp', port: 1 },
];

const AGAIN = ['Started', 'Restart Signaled', 'Terminated', 'Restarting'];
const FOURTEEN = [
  'Received',
  'Task Setup',
  ...Array.from({ length: ATTEMPTS }, () => AGAIN).flat(),
  ...AGAIN.slice(0, 3),
  'Not Restarting',
];
const LIFE = [
  'TaskStarted',
  'ServiceRegistered',
  'CheckChanged critical',
  'ServiceDeregistered',
  'TaskKilling',
  'TaskExited',
  'TaskRestarting',
];
const WORDS = new Set([...LIFE.map((word) => word.split(' ')[0]), 'TaskNotRestarting']);
const ALL = [
  ...Array.from({ length: ATTEMPTS }, () => LIFE).flat(),
  ...LIFE.slice(0, -1),
  'TaskNotRestarting',
];

const TELLS_EVERY_LOOK: readonly Patch[] = [
  {
    file: 'src/machines/service-decider.ts',
    find: 'if (before === status) return [];',
    replace: "if (before === status && output === '') return [];",
  },
];
/** Whoever comes next records again what stands. */
const REGISTERS_AGAIN: readonly Patch[] = [
  {
    file: 'src/machines/service-decider.ts',
    find: 'if (known !== undefined && isSame(known, wanted)) return [];',
    replace: 'if (known !== undefined && !isSame(known, wanted)) return [];',
  },
];
/** Nobody is told that the program can not be reached any more. */
const TAKES_NOTHING_BACK: readonly Patch[] = [
  {
    file: 'src/machines/service-decider.ts',
    find: 'return [...decision.slice(0, at), ...gone, ...decision.slice(at)];',
    replace:
      'return [...decision.slice(0, at), ...gone.slice(gone.length), ...decision.slice(at)];',
  },
];

export const health: Drill = {
  name: 'health',
  promise: 'a program that is unwell is restarted in fourteen steps, each once, whoever dies',
  tools: [],
  privileges: [],
  mutants: [[NEVER_SAFE], TELLS_EVERY_LOOK, REGISTERS_AGAIN, TAKES_NOTHING_BACK],
  cases: { share: 2 * LIVES, full: 30 * LIVES },
  async run(findings, cases) {
    await findings.attempt('rounds', () =>
      withPatient(async (machine) => {
        for (let round = 0; round < cases / LIVES; round += 1) {
          // The first ones are as they are without any trouble.
          const kills = round === 0 ? 0 : MOST_KILLS;
          await findings.attempt(`round ${round}`, () => lived(findings, machine, round, kills));
        }
      }),
    );
    for (const [name, patches, kills] of [
      ['an agent that tells every look', TELLS_EVERY_LOOK, 0],
      ['an agent that registers again', REGISTERS_AGAIN, 1],
      ['an agent that takes nothing back', TAKES_NOTHING_BACK, 0],
    ] as const) {
      const work = (it: Machine): Promise<void> => lived(undefined, it, 0, kills);
      const text = await withPatient(work, patches).then(() => 'nothing was noticed', messageOf);
      findings.control(name, /is not to follow/.test(text), text);
    }
  },
};

/** Throws what is wrong. */
async function lived(
  findings: Findings | undefined,
  machine: Machine,
  round: number,
  kills: number,
): Promise<void> {
  let agent = machine.agentPid === 0 ? await machine.startAgent() : await machine.connect();
  const allocIds: string[] = [];
  for (let at = 0; at < LIVES; at += 1) {
    const { allocId } = await agent.run(groupOf(`g${round}-${at}`, CHECKS[at % 2] as Check));
    allocIds.push(allocId);
  }
  const last = allocIds.at(-1) as string;
  for (let kill = 0; kill < kills; kill += 1) {
    // At first right after it was registered, then wherever it is.
    if (kill === 0) await until('it is registered', () => has(agent, last, 'ServiceRegistered'));
    else await delay(findings?.between(0, 1_500) ?? 0);
    if (await areOver(agent, allocIds)) break;
    await machine.killAgent();
    agent = await machine.startAgent();
    findings?.count('agents that were killed');
  }
  await until('all are over', () => areOver(agent, allocIds));
  for (const allocId of allocIds) {
    await assertSteps(agent, allocId);
    findings?.count('lives');
    findings?.count('restarts', ATTEMPTS);
  }
}

function groupOf(name: string, check: Check): GroupSpecInput {
  const config = { command: 'sleep', args: ['100000'] };
  const services = [{ name: 'web', port: 1, checks: [check] }];
  return { name, tasks: [{ name: 'api', driver: 'raw_exec', config, restart: RESTART, services }] };
}

async function has(agent: Orchestrator, ref: string, type: string): Promise<boolean> {
  return (await eventsSoFar(agent, { ref })).some((event) => event.type === type);
}

async function areOver(agent: Orchestrator, allocIds: readonly string[]): Promise<boolean> {
  const views = await agent.allocs({ all: true });
  const of = new Map(views.map(({ allocId, state }) => [allocId, state]));
  return allocIds.every((allocId) => of.get(allocId) === 'failed');
}

async function assertSteps(agent: Orchestrator, allocId: string): Promise<void> {
  const events = await eventsSoFar(agent, { ref: allocId });
  assertWords(allocId, wordsOf(events), ALL);
  const alloc = await agent.alloc(allocId);
  const told = await alloc.task('api').nomadEvents({ all: true });
  const types = told.map(({ type }) => type);
  assertWords(allocId, types, FOURTEEN);
  const because = told.filter(({ type }) => type === 'Restart Signaled');
  const text = `healthcheck: check "${NAME}" unhealthy`;
  const other = because.find(({ displayMessage }) => displayMessage !== text);
  if (other !== undefined) throw new Error(`${allocId}: the reason is ${other.displayMessage}`);
  const attempts = events
    .filter(({ type }) => type === 'TaskRestarting')
    .map(({ data }) => (data as { readonly attempt: number }).attempt);
  if (attempts.join() !== '1,2') throw new Error(`${allocId}: attempts ${attempts.join()}`);
}

function wordsOf(events: readonly PublicEvent[]): readonly string[] {
  return events
    .filter(({ type }) => WORDS.has(type))
    .map(({ type, data }) => {
      const { status } = data as { readonly status?: string };
      return type === 'CheckChanged' ? `${type} ${status}` : type;
    });
}

/** Throws the first that is not as it is to be. */
function assertWords(allocId: string, words: readonly string[], expected: readonly string[]): void {
  const length = Math.max(words.length, expected.length);
  for (let at = 0; at < length; at += 1) {
    const [is = 'nothing', wanted = 'nothing'] = [words[at], expected[at]];
    if (is === wanted) continue;
    const before = words.slice(0, at).join(', ');
    throw new Error(`${allocId}: ${is} is not to follow ${before}: ${wanted} is`);
  }
}
