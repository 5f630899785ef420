/** An agent and a driver on two versions of the package, and a third one in the place of the second. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Machine, pidsOf, until } from '../acceptance/rig.ts';

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
