/** Secrets from every provider, over agents that are killed: found in their programs, and nowhere else. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator } from '../../src/api.ts';
import { errnoOf, messageOf } from '../../src/errors.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { eventsSoFar, type Machine, pidsOf, until } from '../acceptance/rig.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import { withMachine, withMutant } from '../logs/room.ts';
import type { Patch } from '../patch.ts';

/** What a hook is to be asked with again tells what it gave. */
const RECORDS_VALUES: readonly Patch[] = [
  {
    file: 'src/hooks/run-phase.ts',
    find: 'env: [...plain, ...kept],\n    state,',
    replace:
      'env: [...plain, ...kept],\n    state: { ...state, said: JSON.stringify(secrets ?? []) },',
  },
];

export const canaries: Drill = {
  name: 'canaries',
  promise: 'a secret is in no store, no file of the agent, no output, no event and no argument',
  tools: [],
  privileges: [],
  mutants: [RECORDS_VALUES],
  cases: { share: 1, full: 30 },
  async run(findings, cases) {
    for (let round = 0; round < cases; round += 1) {
      await findings.attempt(`round ${round}`, () => withCanaries(findings));
      findings.count('rounds');
    }
    await withMutant(RECORDS_VALUES, async (command) => {
      const text = await withCanaries(undefined, command).then(() => 'nothing', messageOf);
      findings.control('an agent that records values', /is in .*(store|event)/.test(text), text);
    });
  },
};

interface Canaries {
  readonly dir: string;
  /** By provider. */
  readonly values: Readonly<Record<'file' | 'exec' | 'closed', string>>;
}

/** Throws what is wrong. */
async function withCanaries(findings: Findings | undefined, command?: string): Promise<void> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'hf-canary-')));
  const canary = (name: string): string => `${name}-${randomBytes(12).toString('hex')}`;
  const values = { file: canary('file'), exec: canary('exec'), closed: canary('closed') };
  try {
    writeFileSync(join(dir, 'file'), `${values.file}\n`);
    writeFileSync(join(dir, 'closed'), values.closed);
    writeFileSync(join(dir, 'vault'), `#!/bin/sh\necho '${values.exec}'\n`);
    chmodSync(join(dir, 'vault'), 0o700);
    await withMachine((machine) => hunted(findings, machine, { dir, values }), command);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const SAY = 'echo ${#FILE} ${#EXEC}; test -r "$HOLDFAST_SECRETS_DIR/closed"; exec sleep 100000';

function groupOf(dir: string): GroupSpecInput {
  const secrets: GroupSpecInput['tasks'][number]['secrets'] = [
    { name: 'file', provider: 'file', path: join(dir, 'file'), env: 'FILE' },
    { name: 'exec', provider: 'exec', command: [join(dir, 'vault')], env: 'EXEC' },
    { name: 'closed', provider: 'file', path: join(dir, 'closed') },
  ];
  const templates = [{ data: 'key={{ secret.exec }}', destination: 'secrets/app.conf' }];
  const config = { command: 'sh', args: ['-c', SAY] };
  const env = { URL: 'https://${FILE}@host' };
  const task = { name: 'api', driver: 'raw_exec', config, env, templates };
  return { name: 'shop', tasks: [{ ...task, secrets }] };
}

async function hunted(
  findings: Findings | undefined,
  machine: Machine,
  { dir, values }: Canaries,
): Promise<void> {
  const flags = ['--secret-root', dir, '--secret-command', join(dir, 'vault')];
  let agent = await machine.startAgent(...flags);
  const { allocId } = await agent.run(groupOf(dir));
  await until('it runs', () => pidsOf(agent, allocId));
  const hunt = async (): Promise<void> => {
    const where = await whereabouts(machine, agent, values);
    if (where !== undefined) throw new Error(where);
    findings?.count('hunts');
  };
  await hunt();
  const beside = await agent.exec(allocId, ['sh', '-c', 'test -n "$FILE" && echo yes']);
  for await (const _chunk of beside.output) findings?.count('chunks of commands beside');
  await machine.killAgent();
  agent = await machine.startAgent(...flags);
  await agent.restart(allocId);
  // In the middle of a start, sooner or later.
  await delay(findings?.between(0, 250) ?? 100);
  await machine.killAgent();
  agent = await machine.startAgent(...flags);
  await until('it runs again', async () => {
    const [task] = (await agent.inspect(allocId)).tasks;
    return task?.run === 2 && task.state === 'running';
  });
  await hunt();
  const pid = (await agent.inspect(allocId)).tasks[0]?.pid ?? 0;
  const found = readFileSync(`/proc/${pid}/environ`, 'utf8');
  if (!found.includes(values.file) || !found.includes(values.exec)) {
    throw new Error('the program does not have its secrets');
  }
  await agent.stop(allocId);
  await hunt();
}

/** Where one of them is, as it is or as it might be encoded. */
async function whereabouts(
  machine: Machine,
  agent: Orchestrator,
  values: Canaries['values'],
): Promise<string | undefined> {
  const told = JSON.stringify([
    await eventsSoFar(agent, {}),
    await agent.allocs({ all: true }),
    await agent.env('shop'),
    machine.output,
  ]);
  const files = readdirSync(machine.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    // Where they are asked for.
    .filter((path) => !/\/allocs\/[^/]+\/api\/secrets\//.test(path));
  const texts = [...files.map((path) => [path, contentOf(path)] as const), ...commandLines()];
  for (const value of Object.values(values)) {
    for (const form of [value, Buffer.from(value).toString('base64').slice(0, -4)]) {
      if (told.includes(form)) return `${value} is in an event or a view`;
      const [place] = texts.find(([, content]) => content.includes(form)) ?? [];
      if (place !== undefined) return `${value} is in ${place}`;
    }
  }
  return undefined;
}

function commandLines(): readonly (readonly [string, Buffer])[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => [`/proc/${pid}/cmdline`, contentOf(`/proc/${pid}/cmdline`)] as const);
}

/** Empty for what is gone by now. */
function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) return Buffer.alloc(0);
    throw error;
  }
}
