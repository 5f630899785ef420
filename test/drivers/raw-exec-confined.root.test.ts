import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawExec } from '../../src/drivers/raw-exec.ts';
import { cgroupAnswers } from '../../src/os/cgroup-answers.ts';
import { machineCgroups } from '../../src/os/cgroup-layout.ts';
import { cgroupsOfRuns } from '../../src/os/cgroup-tree.ts';
import { ExecRig } from './exec-rig.ts';

const isRoot = process.geteuid?.() === 0;
const limits = cgroupAnswers(machineCgroups()).limits;
const RAW = { driver: 'raw_exec' } as const;

describe.skipIf(!isRoot)('a raw_exec task of another user (only root can be one)', () => {
  let rig: ExecRig;
  beforeAll(() => {
    rig = new ExecRig([rawExec({ deniedHostUids: '4000-4999', deniedHostGids: '4000' })]);
  });
  afterAll(() => rig.end());

  it('is that user, with the environment of a login, in a directory of his own', async () => {
    const { stdout } = await rig.ran('id -u; id -G; echo $USER $LOGNAME $HOME; touch x; pwd', {
      ...RAW,
      user: 'daemon',
    });
    const [uid, groups, login, cwd] = stdout.split('\n');
    expect([uid, groups]).toEqual(['1', '1']);
    expect(login).toBe('daemon daemon /usr/sbin');
    expect(statSync(join(cwd ?? '', 'x'))).toMatchObject({ uid: 1, gid: 1 });
  });

  it('has the environment that its spec says, also for HOME', async () => {
    const task = { ...RAW, user: 'daemon', env: { HOME: '/srv' } };
    expect((await rig.ran('echo $HOME $USER', task)).stdout).toBe('/srv daemon\n');
  });

  it('owns its directories alone, and shares those of the alloc', async () => {
    const script = `
      for dir in "$NOMAD_TASK_DIR" "$NOMAD_SECRETS_DIR" "$TMPDIR" .; do stat -c '%U %a' "$dir"; done
      for dir in data tmp; do stat -c '%U %a' "$NOMAD_ALLOC_DIR/$dir"; touch "$NOMAD_ALLOC_DIR/$dir/x"; done
      ls "$NOMAD_ALLOC_DIR/data"`;
    const { stdout } = await rig.ran(script, { ...RAW, user: 'daemon' });
    const own = 'daemon 700\n'.repeat(4);
    expect(stdout).toBe(`${own}${'root 1777\n'.repeat(2)}x\n`);
  });

  it('cannot make the agent give anything else away', async () => {
    const victim = join(rig.dataDir, 'victim');
    mkdirSync(victim, { mode: 0o700 });
    const script = `rmdir local; ln -s ${victim} local; exit 1`;
    const restart = { attempts: 1, delay: '0s', interval: '1m', mode: 'fail' } as const;
    const { view } = await rig.ran(script, { ...RAW, user: 'daemon', restart });
    expect(view).toMatchObject({ state: 'failed', run: 1 });
    expect(statSync(victim)).toMatchObject({ uid: 0, mode: 0o40700 });
  });

  it.each([
    ['nobody-has-this-name', 'user "nobody-has-this-name" is not known on this machine'],
    ['daemon:no-such-group', 'group "no-such-group" is not known on this machine'],
    ['4242:1', 'running as uid 4242 is disallowed'],
    ['daemon:4000', 'running as gid 4000 is disallowed'],
  ])('is refused as %s, before anything of a run exists', async (user, message) => {
    const { view } = await rig.ran('echo no', { ...RAW, user });
    expect(view).toMatchObject({ state: 'failed', pid: null });
    expect(JSON.stringify(view)).toContain(JSON.stringify(message).slice(1, -1));
  });

  it('has no variable that its operator or its spec denies, whoever set it', async () => {
    const env = { SECRET_A: '1', SECRET_B: '2', A_SECRET: '3', 'x.y': '4', xzy: '5' };
    const config = { deniedEnv: ['SECRET_*', 'x.y', 'USER'] } as never;
    const { stdout } = await rig.ran('env', { ...RAW, user: 'daemon', env, config });
    const names = stdout.split('\n').map((line) => line.split('=')[0]);
    expect(names).toEqual(expect.arrayContaining(['A_SECRET', 'xzy', 'HOME']));
    for (const name of ['SECRET_A', 'SECRET_B', 'x.y', 'USER']) expect(names).not.toContain(name);
  });

  it('keeps as root what is not dropped', async () => {
    const config = { capDrop: ['net_raw', 'CAP_SYS_ADMIN'] } as never;
    const { stdout } = await rig.ran('grep CapEff /proc/self/status', { ...RAW, config });
    const left = BigInt(`0x${stdout.trim().split('\t')[1]}`);
    expect([(left >> 13n) & 1n, (left >> 21n) & 1n, left & 1n]).toEqual([0n, 0n, 1n]);
  });

  it('is refused a network namespace that is not there', async () => {
    const config = { networkNamespace: '/run/netns/not-there' } as never;
    const { view } = await rig.ran('echo no', { ...RAW, config });
    expect(JSON.stringify(view)).toContain('network namespace /run/netns/not-there does not exist');
  });

  it('is not isolated, and says who is', async () => {
    const orchestrator = await rig.orchestrator();
    const group = rig.group('true', { ...RAW, config: { executor: 'isolated' } });
    await expect(orchestrator.run(group)).rejects.toMatchObject({
      code: 'DRIVER_CONFIG_INVALID',
      message: expect.stringContaining('that is driver exec') as string,
    });
  });

  it.skipIf(!limits.memory.isAvailable)('is told that its memory was used up', async () => {
    const resources = { memoryMb: 24 };
    const script = 'exec dd if=/dev/zero of=/dev/null bs=80M count=1';
    const { view } = await rig.ran(script, { ...RAW, resources });
    expect(view).toMatchObject({ state: 'failed', signal: 'SIGKILL' });
    const orchestrator = await rig.orchestrator();
    const ends: unknown[] = [];
    const query = { until: 'head', ref: view.allocId, types: ['TaskExited'] } as const;
    for await (const event of orchestrator.events(query)) ends.push(event.data);
    expect(ends).toMatchObject([{ oomKilled: true }]);
    const { reason } = await orchestrator.inspect(view.allocId);
    expect(reason).toContain('out of memory (ended by SIGKILL)');
  });

  it('leaves no cgroup', async () => {
    await rig.ran('setsid env -i /bin/sleep 4300 & exit 0', RAW);
    const orchestrator = await rig.orchestrator();
    const { instanceId } = await orchestrator.agent();
    await rig.close();
    const left = cgroupsOfRuns(machineCgroups()).filter((one) => one.instanceId === instanceId);
    expect(left).toEqual([]);
    expect(commands()).not.toContain('/bin/sleep 4300');
  });
});

describe('an agent without cgroups', () => {
  it('refuses limits with the reason, and runs what asks for none', async () => {
    const rig = new ExecRig([rawExec()], { cgroups: 'off' });
    const { view } = await rig.ran('true', { ...RAW, resources: { memoryMb: 64 } });
    expect(view).toMatchObject({ state: 'failed', pid: null });
    expect(JSON.stringify(view)).toContain('cgroups are switched off');
    expect((await rig.ran('cat /proc/self/cgroup', RAW)).stdout).not.toContain('/holdfast/');
    await rig.end();
  });
});

/** Of every living process. */
function commands(): readonly string[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const text = readFileSync(`/proc/${Number(name)}/cmdline`, 'latin1');
      return [text.replaceAll('\0', ' ').trim()];
    } catch {
      return [];
    }
  });
}
