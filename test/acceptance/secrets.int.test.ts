/** A secret from the file of an operator into a program, and nowhere else. */
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { whyNoMemoryDirs } from '../../src/os/memory-dir.ts';
import { readMountTable } from '../../src/os/mount-table.ts';
import { eventsSoFar, Machine, pidsOf, until } from './rig.ts';

const ONE = 'canary-of-a-variable-4f1c9';
const TWO = 'canary-of-a-file-77ab2';
const THREE = 'canary-of-a-change-0d9e13c5';

/** Files below a directory that hold a text: the store, its log, run files, specs, output, addresses. */
function filesWith(dir: string, text: string): readonly string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text));
}

/** Processes of this machine in whose command line or environment a text is, by now. */
function processesWith(what: 'cmdline' | 'environ', text: string): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const isIn = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/${what}`).includes(text);
    } catch {
      return false;
    }
  };
  return pids.filter(isIn).map(Number);
}

let machine: Machine;
let opened: string;
afterEach(async () => {
  await machine.scrap();
  rmSync(opened, { recursive: true, force: true });
});

it('is in the environment and the files of its program only', { timeout: 120_000 }, async () => {
  machine = new Machine();
  opened = realpathSync(mkdtempSync(join(tmpdir(), 'hf-opened-')));
  writeFileSync(join(opened, 'one'), `${ONE}\n`);
  writeFileSync(join(opened, 'two'), TWO);
  const agent = await machine.startAgent('--secret-root', opened);
  const secrets = [
    { name: 'one', provider: 'file', path: join(opened, 'one'), env: 'ONE' },
    { name: 'two', provider: 'file', path: join(opened, 'two') },
  ] as const;
  const script = 'test -r "$HOLDFAST_SECRETS_DIR/two" && echo "${#ONE}" && exec sleep 100000';
  const task = {
    name: 'api',
    driver: 'raw_exec',
    config: { command: 'sh', args: ['-c', script] },
    env: { URL: 'https://${ONE}@host' },
    secrets: [...secrets],
  };
  const { allocId } = await agent.run({ name: 'web', tasks: [task] });
  const pids = await until('the task runs', () => pidsOf(agent, 'web'));
  const secretFile = join(machine.dataDir, 'allocs', allocId, 'api', 'secrets', 'two');
  // Where the machine lets us, it is in memory, and no backup of the disk has it.
  const isRoot = process.geteuid?.() === 0;
  const point = dirname(secretFile);
  expect(readMountTable().some((mount) => mount.point === point)).toBe(
    isRoot && whyNoMemoryDirs() === undefined,
  );
  const logs = join(machine.dataDir, 'state', 'logs', allocId);
  await until('it has said how long the variable is', async () =>
    readdirSync(logs).some((name) => readFileSync(join(logs, name), 'utf8') === `${ONE.length}\n`),
  );
  expect(filesWith(machine.dataDir, ONE)).toEqual([]);
  expect(filesWith(machine.dataDir, TWO)).toEqual([secretFile]);
  for (const text of [ONE, TWO]) expect(processesWith('cmdline', text)).toEqual([]);
  // setsid keeps the pid of the program, and the shim has none of its variables.
  expect(processesWith('environ', ONE)).toEqual(pids);
  expect(processesWith('environ', TWO)).toEqual([]);
  const told = JSON.stringify([
    await eventsSoFar(agent, {}),
    await agent.inspect('web'),
    await agent.env('web'),
  ]);
  for (const text of [ONE, TWO]) expect(told).not.toContain(text);
  await agent.stop('web');
  expect(filesWith(machine.dataDir, TWO)).toEqual([]);
  expect(readMountTable().some((mount) => mount.point === point)).toBe(false);
});

it('is refused by an agent whose operator has opened nothing', { timeout: 120_000 }, async () => {
  machine = new Machine();
  opened = realpathSync(mkdtempSync(join(tmpdir(), 'hf-opened-')));
  writeFileSync(join(opened, 'one'), ONE);
  const agent = await machine.startAgent();
  const secrets = [{ name: 'one', provider: 'file' as const, path: join(opened, 'one') }];
  const config = { command: 'sleep', args: ['100000'] };
  await agent.run({ name: 'web', tasks: [{ name: 'api', driver: 'raw_exec', config, secrets }] });
  await until('it has failed', async () => !(await agent.inspect('web')).isLive);
  const [task] = (await agent.inspect('web')).tasks;
  expect(task?.reason).toContain('secret "one"');
  expect(task?.reason).toContain('--secret-root');
});

it('is where it was when it is another one, and nowhere else', { timeout: 180_000 }, async () => {
  machine = new Machine();
  opened = realpathSync(mkdtempSync(join(tmpdir(), 'hf-opened-')));
  const path = join(opened, 'one');
  const put = (value: string): void => {
    writeFileSync(`${path}.new`, value);
    renameSync(`${path}.new`, path);
  };
  put(ONE);
  const options = ['--secret-root', opened, '--secret-command', '/bin/cat'];
  let agent = await machine.startAgent(...options);
  const quiet = { refresh: '1s', changeMode: 'noop' } as const;
  const secrets = [
    { name: 'one', provider: 'file' as const, path, file: 'one', ...quiet },
    { name: 'two', provider: 'exec' as const, command: ['/bin/cat', path], env: 'TWO', ...quiet },
  ];
  const hup = { changeMode: 'signal', changeSignal: 'SIGHUP', splay: '0s' } as const;
  const data = '{{ secret.one }} {{ env.TWO }}';
  // Of both it says only how long they are.
  const script = `
    say() { a="$(cat secrets/one)"; b="$(cat secrets/conf)"; echo "$1:\${#a},\${#b},\${#TWO}"; }
    trap 'say hup' HUP
    say begin
    while :; do sleep 0.1; done`;
  const task = {
    name: 'api',
    driver: 'raw_exec',
    config: { command: 'sh', args: ['-c', script] },
    secrets,
    templates: [{ data, destination: 'secrets/conf', ...hup }],
  };
  const { allocId } = await agent.run({ name: 'web', tasks: [task] });
  await until('the task runs', () => pidsOf(agent, 'web'));
  const says = (line: string): Promise<true | undefined> =>
    until(line, () => machine.outputOf(allocId, 'api', 'stdout').includes(line) || undefined);
  const [long, short] = [ONE.length, TWO.length];
  await says(`begin:${long},${2 * long + 1},${long}\n`);
  put(TWO);
  // The program keeps its variables, and both are in the file.
  await says(`hup:${short},${2 * short + 1},${long}\n`);
  const dir = join(machine.dataDir, 'allocs', allocId, 'api', 'secrets');
  const files = [join(dir, 'conf'), join(dir, 'one')];
  expect(filesWith(machine.dataDir, ONE)).toEqual([]);
  expect(filesWith(machine.dataDir, TWO).toSorted()).toEqual(files);
  expect(statSync(join(dir, 'one')).mode & 0o777).toBe(0o400);
  // What changes while there is no agent is noticed by the next one.
  await machine.killAgent();
  put(THREE);
  agent = await machine.startAgent(...options);
  await says(`hup:${THREE.length},${2 * THREE.length + 1},${long}\n`);
  for (const text of [ONE, TWO]) expect(filesWith(machine.dataDir, text)).toEqual([]);
  expect(filesWith(machine.dataDir, THREE).toSorted()).toEqual(files);
  for (const text of [TWO, THREE]) {
    expect(processesWith('cmdline', text)).toEqual([]);
    expect(processesWith('environ', text)).toEqual([]);
  }
  const events = await eventsSoFar(agent, {});
  const told = JSON.stringify([events, await agent.inspect('web'), await agent.env('web')]);
  for (const text of [ONE, TWO, THREE]) expect(told).not.toContain(text);
  expect((await agent.inspect('web')).tasks[0]).toMatchObject({ run: 1, state: 'running' });
  await agent.restart('web');
  await says(`begin:${THREE.length},${2 * THREE.length + 1},${THREE.length}\n`);
  await agent.stop('web');
  expect(filesWith(machine.dataDir, THREE)).toEqual([]);
});
