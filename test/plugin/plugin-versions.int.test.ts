/** An agent and a driver on two versions of the package, and a third one in the place of the second. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { existsSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { isRunning, Machine, pidsOf, until } from '../acceptance/rig.ts';

const HERE = new URL('../../', import.meta.url).pathname;

/** The entry file of the driver in a package of that version. */
function packageOf(home: string, version: string): string {
  const copy = join(home, version);
  for (const part of ['src', 'package.json', 'test/fixtures/plugged-driver.ts']) {
    mkdirSync(join(copy, part, '..'), { recursive: true });
    cpSync(join(HERE, part), join(copy, part), { recursive: true });
  }
  symlinkSync(join(HERE, 'node_modules'), join(copy, 'node_modules'));
  writeFileSync(join(copy, 'src/version.ts'), `export const PACKAGE_VERSION = '${version}';\n`);
  return join(copy, 'test/fixtures/plugged-driver.ts');
}

function hostVersions(dataDir: string, kind: string): readonly string[] {
  const dir = join(dataDir, 'state/plugins/plugged/hosts');
  return readdirSync(dir).flatMap((id) => {
    try {
      const text = readFileSync(join(dir, id, 'address.json'), 'utf8');
      const address = JSON.parse(text) as { kind: string; version: string };
      return address.kind === kind ? [address.version] : [];
    } catch {
      return [];
    }
  });
}

const PLUGGED = join(HERE, 'test/fixtures/plugged-driver.ts');
const ODD = join(HERE, 'test/fixtures/odd-driver.ts');
const lasting = { command: 'sleep', args: ['600'] };

function newMachine(): Machine {
  const machine = new Machine();
  onTestFinished(() => machine.scrap());
  return machine;
}

const driverPid = (dataDir: string, name: string): number => {
  const dir = join(dataDir, 'state/plugins', name, 'hosts');
  const found = readdirSync(dir).flatMap((id) => {
    const path = join(dir, id, 'address.json');
    if (!existsSync(path)) return [];
    const address = JSON.parse(readFileSync(path, 'utf8')) as { kind: string; pid: number };
    return address.kind === 'driver' ? [address.pid] : [];
  });
  return found[0] ?? 0;
};

it('a driver is upgraded in place under a living agent, and its task keeps its process', async () => {
  const machine = newMachine();
  const home = mkdtempSync(join(tmpdir(), 'hf-versions-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const [older, newer] = [packageOf(home, '7.0.0'), packageOf(home, '7.1.0')];
  const current = join(home, 'current.ts');
  const turnTo = (entry: string): void => {
    symlinkSync(entry, `${current}.new`);
    renameSync(`${current}.new`, current);
  };
  turnTo(older);
  const agent = await machine.startAgent('--driver-plugin', `plugged=${current}`);
  const group = { name: 'web', tasks: [{ name: 'wait', driver: 'plugged', config: lasting }] };
  const { allocId } = await agent.run(group);
  const pids = await until('it runs', () => pidsOf(agent, allocId));
  turnTo(newer);
  process.kill(driverPid(machine.dataDir, 'plugged'), 'SIGKILL');
  await until('the newer one serves', () =>
    hostVersions(machine.dataDir, 'driver').includes('7.1.0'),
  );
  expect(await pidsOf(agent, allocId)).toEqual(pids);
  const second = { ...group, name: 'more' };
  await until('it can start something', async () => {
    const run = await agent.run(second).catch(() => undefined);
    return run && pidsOf(agent, run.allocId);
  });
  expect((await agent.stop(allocId)).state).toBe('stopped');
});

it('a task outlives a driver that dies in every stop, and is ended by the next that does not', async () => {
  const machine = newMachine();
  const options = join(machine.dataDir, 'options.json');
  const write = (odd: object): void => writeFileSync(options, JSON.stringify({ drivers: { odd } }));
  write({ dies: ['stop'] });
  const args = ['--driver-plugin', `odd=${ODD}`, '--driver-options', options];
  const first = await machine.startAgent(...args);
  const group = { name: 'web', tasks: [{ name: 'wait', driver: 'odd', config: lasting }] };
  const { allocId } = await first.run(group);
  const [pid = 0] = await until('it runs', () => pidsOf(first, allocId));
  first.stop(allocId).catch(() => undefined);
  const deaths = () => machine.output.split('the process of a driver is not there').length - 1;
  await until('it has died of it', () => deaths() >= 2);
  expect(isRunning(pid)).toBe(true);
  await machine.killAgent();
  write({});
  const second = await machine.startAgent(...args);
  await until('it was ended', async () => {
    return (await second.inspect(allocId)).state === 'stopped';
  });
  expect(isRunning(pid)).toBe(false);
});

it('without its store an agent adopts what a driver in its own process runs', async () => {
  const machine = newMachine();
  const args = ['--driver-plugin', `plugged=${PLUGGED}`];
  const first = await machine.startAgent(...args);
  const group = { name: 'web', tasks: [{ name: 'wait', driver: 'plugged', config: lasting }] };
  const { allocId } = await first.run(group);
  const pids = await until('it runs', () => pidsOf(first, allocId));
  await machine.killAgent();
  rmSync(join(machine.dataDir, 'state/store'), { recursive: true });
  const second = await machine.startAgent(...args);
  expect(await until('it is known', () => pidsOf(second, allocId))).toEqual(pids);
  const doctor = machine.holdfast('doctor').stdout;
  expect(doctor).toMatch(/of driver plugged lives \(pid \d+\) and listens/);
  expect(doctor).not.toMatch(/orphan/);
  expect((await second.stop(allocId)).state).toBe('stopped');
});

it('what a driver leaves that nobody configures any more goes when nothing of it lives', async () => {
  const machine = newMachine();
  const dir = join(machine.dataDir, 'state/plugins/plugged');
  await machine.startAgent('--driver-plugin', `plugged=${PLUGGED}`);
  expect(existsSync(dir)).toBe(true);
  const pid = driverPid(machine.dataDir, 'plugged');
  await machine.killAgent();
  await until('it has gone with its agent', () => !isRunning(pid));
  await machine.startAgent();
  await until('it is removed', () => !existsSync(dir));
});

it('a task keeps its process while agent and driver are killed and the driver is upgraded', async () => {
  const home = mkdtempSync(join(tmpdir(), 'hf-versions-'));
  const machine = new Machine();
  onTestFinished(async () => {
    await machine.scrap();
    rmSync(home, { recursive: true, force: true });
  });
  const [older, newer] = [packageOf(home, '7.0.0'), packageOf(home, '7.1.0')];
  const first = await machine.startAgent('--driver-plugin', `plugged=${older}`);
  const config = { command: 'sleep', args: ['600'] };
  const group = { name: 'web', tasks: [{ name: 'wait', driver: 'plugged', config }] };
  const { allocId } = await first.run(group);
  const pids = await until('it runs', () => pidsOf(first, allocId));
  expect(hostVersions(machine.dataDir, 'executor')).toEqual(['7.0.0']);
  await machine.killAgent();

  const second = await machine.startAgent('--driver-plugin', `plugged=${newer}`);
  expect(hostVersions(machine.dataDir, 'driver')).toEqual(['7.1.0']);
  expect(await pidsOf(second, allocId)).toEqual(pids);
  // The hosts of the older package go on with what they have.
  expect(hostVersions(machine.dataDir, 'executor')).toEqual(['7.0.0']);
  expect((await second.stop(allocId)).state).toBe('stopped');
});
