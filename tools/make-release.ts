/**
 * Keeps a release for ever: `node tools/make-release.ts NAME` writes test/fixtures/releases/NAME with a data directory
 * (finished allocs and one that was running when everything was killed), the hosts of this version as bundles, and what
 * a user saw. Later code must open the one and talk to the others; `test/releases.int.test.ts` says so.
 */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { build } from 'rolldown';
import type { Orchestrator } from '../src/api.ts';
import type { GroupSpecInput } from '../src/spec/group-schema.ts';
import { PACKAGE_VERSION } from '../src/version.ts';
import { digestOf, Machine, pidsOf, until } from '../test/acceptance/rig.ts';

const ROOT = new URL('../', import.meta.url).pathname;
const name = process.argv[2] ?? '';
if (!/^[a-z0-9][a-z0-9.-]*$/.test(name)) throw new Error('usage: node tools/make-release.ts NAME');
const target = join(ROOT, 'test', 'fixtures', 'releases', name);
if (existsSync(target)) throw new Error(`${target} is there already and is never changed`);

/** Every kind of end, and one that runs on until everything is killed. */
const GROUPS: readonly GroupSpecInput[] = [
  { name: 'done', type: 'batch', tasks: [task('say', ['echo', 'hello'])] },
  {
    name: 'steps',
    type: 'batch',
    tasks: [
      { ...task('first', ['true']), lifecycle: { hook: 'prestart' } },
      task('second', ['echo', 'after the first']),
    ],
  },
  {
    name: 'broken',
    type: 'batch',
    tasks: [{ ...task('fail', ['sh', '-c', 'exit 7']), restart: { attempts: 0 } }],
  },
  {
    name: 'confined',
    type: 'batch',
    tasks: [
      {
        ...task('box', ['sh', '-c', 'id -un; echo boxed']),
        driver: 'exec',
        user: 'nobody',
        resources: { memoryMb: 64, pids: 50 },
        mounts: [{ type: 'tmpfs', destination: '/scratch', sizeMb: 1 }],
      },
    ],
  },
  {
    name: 'chatty',
    type: 'batch',
    tasks: [
      {
        // Two files of 1 MiB that are full and compressed, and a third.
        ...task('talk', ['sh', '-c', 'yes "$(seq -s " " 1 300)" | head -n 2000']),
        logs: { maxFileSizeMb: 1, compress: true },
      },
    ],
  },
  { name: 'stopped', tasks: [task('wait', ['sleep', '100000'])] },
  { name: 'running', tasks: [task('wait', ['sleep', '100000'])] },
];

function task(
  name: string,
  [command, ...args]: readonly string[],
): GroupSpecInput['tasks'][number] {
  return { name, driver: 'raw_exec', config: { command, args } };
}

await makeDataDirectory();
await bundleHosts();
writeFileSync(
  join(target, 'package.json'),
  `${JSON.stringify({ version: PACKAGE_VERSION, type: 'module' })}\n`,
);
process.stdout.write(`made ${target}\n`);

async function makeDataDirectory(): Promise<void> {
  const machine = new Machine();
  try {
    const agent = await machine.startAgent();
    for (const group of GROUPS) await agent.run(group);
    await until('the batch groups are over', async () => {
      const views = await agent.allocs();
      return views.length === 2;
    });
    await until('it runs', () => pidsOf(agent, 'stopped'));
    await agent.stop('stopped');
    await until('it runs', () => pidsOf(agent, 'running'));
    await (
      await agent.exec('running', ['true'])
    ).exit;
    const seen = await agent.allocs({ all: true });
    await until('what is full is compressed', () => packedBelow(machine.dataDir) === 2);
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, 'logs.json'), `${JSON.stringify(await digests(agent), null, 1)}\n`);
    writeFileSync(join(target, 'allocs.json'), `${JSON.stringify(seen, null, 1)}\n`);
    await machine.killAgent();
    machine.killAll();
    await delay(200);
    cpSync(machine.dataDir, join(target, 'data'), { recursive: true, filter: isPlain });
    dropPassing(join(target, 'data', 'state'));
  } finally {
    await machine.scrap();
  }
}

function packedBelow(dataDir: string): number {
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' });
  return files.filter((path) => path.endsWith('.gz')).length;
}

/** What a user reads of the output of each finished task. */
async function digests(agent: Orchestrator): Promise<Readonly<Record<string, string>>> {
  const said: Record<string, string> = {};
  for (const { allocId, isLive, tasks } of await agent.allocs({ all: true })) {
    for (const { task } of isLive ? [] : tasks)
      said[`${allocId}/${task}`] = await digestOf(agent, `${allocId}/${task}`);
  }
  return said;
}

/** Pipes and sockets are of their moment, and a repository cannot hold them. */
function isPlain(path: string): boolean {
  const stat = lstatSync(path);
  return stat.isFile() || stat.isDirectory();
}

/** Locks say nothing of a machine that is gone, and the ballast is room that every agent makes anew. */
function dropPassing(stateDir: string): void {
  for (const file of readdirSync(stateDir).filter((one) => /^(lock|ballast)/.test(one))) {
    rmSync(join(stateDir, file));
  }
}

async function bundleHosts(): Promise<void> {
  for (const host of ['executor-host', 'logmon-host', 'docker-logger']) {
    await build({
      input: join(ROOT, 'src', 'processes', host, 'main.ts'),
      platform: 'node',
      external: ['koffi'],
      output: {
        file: join(target, 'hosts', host, 'main.js'),
        format: 'esm',
        codeSplitting: false,
      },
    });
  }
}
