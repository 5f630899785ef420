import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_CAPABILITIES } from '../../src/drivers/capabilities.ts';
import { capabilitySets, ownCapabilities } from '../../src/os/own-capabilities.ts';
import { noContainersBecause } from '../processes/container-rig.ts';
import { ExecRig } from './exec-rig.ts';

const obstacle = noContainersBecause();
const own = ownCapabilities();
const byDefault = DEFAULT_CAPABILITIES.filter((name) => own.includes(name)).toSorted();

describe.skipIf(obstacle)(`a task of driver exec (${obstacle ?? 'here'})`, () => {
  let rig: ExecRig;
  beforeAll(() => {
    rig = new ExecRig();
  });
  afterAll(() => rig.end());

  it('runs as nobody, with his groups only, in a root of its own', async () => {
    const { view, stdout } = await rig.ran('id; pwd; echo $$; echo $HOME $USER $LOGNAME; ls /');
    expect(view).toMatchObject({ state: 'complete', exitCode: 0 });
    const [id, pwd, pid, names, ...root] = stdout.trim().split('\n');
    expect(id).toBe('uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)');
    expect([pwd, pid, names]).toEqual(['/', '1', '/nonexistent nobody nobody']);
    expect(root).toEqual(
      expect.arrayContaining(['alloc', 'bin', 'etc', 'local', 'secrets', 'usr']),
    );
    expect(root).not.toContain('home');
  });

  it.each([
    ['nobody', 'nobody', ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'], []],
    ['root', 'root', ['CapPrm', 'CapEff', 'CapBnd'], ['CapInh', 'CapAmb']],
  ])('has the five capability sets right for %s', async (_who, user, full, empty) => {
    const { stdout } = await rig.ran('cat /proc/self/status', { user });
    const sets = capabilitySets(stdout);
    for (const name of full) expect([name, sets.get(name)?.toSorted()]).toEqual([name, byDefault]);
    for (const name of empty) expect([name, sets.get(name)]).toEqual([name, []]);
  });
});
