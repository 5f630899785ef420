/** What an isolated task mounts, tried against a real runtime: what is refused beforehand and what is not. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noContainersBecause } from '../processes/container-rig.ts';
import { ExecRig } from './exec-rig.ts';

const obstacle = noContainersBecause();

describe.skipIf(obstacle)(`a mount of an isolated task (${obstacle ?? 'here'})`, () => {
  let rig: ExecRig;
  let place: string;
  beforeAll(() => {
    rig = new ExecRig();
    place = mkdtempSync(join(tmpdir(), 'hf-places-'));
    mkdirSync(join(place, 'dir/sub'), { recursive: true });
    writeFileSync(join(place, 'file'), 'text');
    symlinkSync('/local', join(place, 'dir/link'));
  });
  afterAll(async () => {
    await rig.end();
    rmSync(place, { recursive: true });
  });

  const bind = (name: string, destination: string, readOnly = false) =>
    ({ type: 'bind', source: join(place, name), destination, readOnly }) as const;

  it.each([
    ['dir', '/etc/passwd', 'is a directory, and the task has a file there'],
    ['file', '/usr/bin', 'is a file, and the task has a directory there'],
    ['file', '/tmp', 'is a file, and the task has a directory there'],
    ['dir', '/dev/null', 'is a directory, and the task has a device there'],
    ['file', '/dev/ptmx', 'every task has its own terminals there'],
    ['dir', '/etc/no-such', 'nothing there, and /etc is read-only for it'],
    ['file', '/usr/no-such/x', 'nothing there, and /usr is read-only for it'],
    ['dir', '/etc/passwd/x', 'the task has a file at /etc/passwd'],
  ])('of a %s at %s is refused before it starts', async (name, destination, why) => {
    const { view } = await rig.ran('true', { mounts: [bind(name, destination)] });
    expect(view).toMatchObject({ state: 'failed', startedAt: null });
    expect(view.reason).toContain(`mount at ${destination}: `);
    expect(view.reason).toContain(why);
    expect(view.reason).not.toContain('runc');
  });

  it('of a tmpfs over a file, and below a mount that is read-only, is refused too', async () => {
    const over = { type: 'tmpfs', destination: '/etc/passwd' } as const;
    const { view } = await rig.ran('true', { mounts: [over] });
    expect(view.reason).toContain('a tmpfs is a directory, and the task has a file there');
    const mounts = [bind('dir', '/srv', true), bind('file', '/srv/more')];
    expect((await rig.ran('true', { mounts })).view.reason).toContain('/srv is read-only for it');
  });

  it.each([
    ['a file over a file', () => [bind('file', '/etc/passwd')]],
    ['a file where nothing is', () => [bind('file', '/srv/deep/file')]],
    ['a directory below a writable one', () => [bind('dir', '/local/sub')]],
    ['a file over a device', () => [bind('file', '/dev/null')]],
    ['a directory among the devices', () => [bind('dir', '/dev/more')]],
    ['one in another', () => [bind('dir', '/srv', true), bind('dir', '/srv/sub')]],
    ['one behind a link', () => [bind('dir', '/srv', true), bind('dir', '/srv/link/sub')]],
    [
      'one in a tmpfs',
      () => [{ type: 'tmpfs', destination: '/srv' } as const, bind('file', '/srv/x')],
    ],
  ])('that the runtime can make is made: %s', async (_what, mounts) => {
    const { view } = await rig.ran('true', { mounts: mounts() });
    expect(view.reason).not.toContain('mount');
    expect(view).toMatchObject({ state: 'complete' });
  });
});
