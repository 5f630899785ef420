import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_CAPABILITIES } from '../../src/drivers/capabilities.ts';
import { exec } from '../../src/drivers/exec.ts';
import { capabilitySets, ownCapabilities } from '../../src/os/own-capabilities.ts';
import { noContainersBecause } from '../processes/container-rig.ts';
import { ExecRig, sh } from './exec-rig.ts';

const obstacle = noContainersBecause();
const own = obstacle === undefined ? ownCapabilities() : [];
const byDefault = DEFAULT_CAPABILITIES.filter((name) => own.includes(name)).toSorted();

describe.skipIf(obstacle)(`a task of driver exec (${obstacle ?? 'here'})`, () => {
  let rig: ExecRig;
  let place: string;
  beforeAll(() => {
    rig = new ExecRig();
    place = mkdtempSync(join(tmpdir(), 'hf-volume-'));
  });
  afterAll(async () => {
    await rig.end();
    rmSync(place, { recursive: true });
  });

  it('runs as nobody, with his groups only, in a root of its own', async () => {
    const { view, stdout } = await rig.ran('id; pwd; echo $$; echo $HOME $USER $LOGNAME; ls /');
    expect(view).toMatchObject({ state: 'complete', exitCode: 0 });
    const [id, pwd, pid, names, ...root] = stdout.trim().split('\n');
    expect(id).toBe('uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)');
    expect([pwd, pid, names]).toEqual(['/', '1', '/nonexistent nobody nobody']);
    expect(root).toEqual(
      expect.arrayContaining(['alloc', 'bin', 'etc', 'local', 'secrets', 'usr']),
    );
    expect(root).not.toContain('var');
  });

  it.each([
    ['4242:4343', '4242 4343 4343'],
    ['daemon', sh('id -u daemon; id -g daemon; id -G daemon').trim().replaceAll('\n', ' ')],
    ['root:daemon', '0 1 1'],
  ])('is of exactly the groups of its user %s', async (user, ids) => {
    const { stdout } = await rig.ran('id -u; id -g; id -G; grep Groups: /proc/self/status', {
      user,
    });
    const [uid, gid, all, listed = ''] = stdout.trim().split('\n');
    expect(`${uid} ${gid} ${all}`).toBe(ids);
    expect(listed.replace('Groups:', '').trim().split(' ')).toEqual(ids.split(' ').slice(2));
  });

  it.each([
    ['nobody', ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'], []],
    ['root', ['CapPrm', 'CapEff', 'CapBnd'], ['CapInh', 'CapAmb']],
  ])('has the five capability sets right for %s', async (user, full, empty) => {
    const { stdout } = await rig.ran('cat /proc/self/status', { user });
    const sets = capabilitySets(stdout);
    for (const name of full) expect([name, sets.get(name)?.toSorted()]).toEqual([name, byDefault]);
    for (const name of empty) expect([name, sets.get(name)]).toEqual([name, []]);
  });

  it('has what was added and not what was dropped, and can use it', async () => {
    const task = { config: { cap_add: ['kill'], capDrop: ['ALL'], noNewPrivileges: true } };
    const { stdout } = await rig.ran('cat /proc/self/status', task);
    const sets = capabilitySets(stdout);
    for (const name of ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
      expect([name, sets.get(name)]).toEqual([name, ['CAP_KILL']]);
    }
    expect(stdout).toMatch(/^NoNewPrivs:\s1$/m);
  });

  it('finds its directories where Nomad has them, and may write to its own', async () => {
    const script = `
      echo $NOMAD_TASK_DIR $NOMAD_ALLOC_DIR $NOMAD_SECRETS_DIR $TMPDIR
      for dir in /local /secrets /tmp /alloc/data; do touch $dir/mine && echo wrote $dir; done
      touch /usr/mine /etc/mine /alloc/logs/mine /mine || echo not elsewhere`;
    const { stdout, stderr } = await rig.ran(script);
    expect(stdout.trim().split('\n')).toEqual([
      '/local /alloc /secrets /tmp',
      ...['/local', '/secrets', '/tmp', '/alloc/data'].map((dir) => `wrote ${dir}`),
      'not elsewhere',
    ]);
    for (const dir of ['/usr', '/etc', '/alloc/logs']) expect(stderr).toContain(`${dir}/mine`);
  });

  it('cannot change or see what the kernel keeps for the machine, even as root', async () => {
    const script = `
      for file in /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/kernel/uevent_helper; do
        { echo x >$file; } 2>/dev/null && echo wrote $file
      done
      [ -s /proc/kcore ] && echo sees kcore; cat /proc/keys /proc/timer_list 2>/dev/null; ls /sys/firmware | wc -l; df -k /dev/shm | tail -1 | awk '{ print $2 }'
      touch /bin/x 2>/dev/null || echo read-only`;
    const { stdout } = await rig.ran(script, { user: 'root' });
    expect(stdout.trim().split('\n')).toEqual(['0', '65536', 'read-only']);
  });

  it('sees volumes and mounts as they were asked for', async () => {
    for (const name of ['ro', 'rw']) {
      mkdirSync(join(place, name), { mode: 0o777 });
      sh(`chmod 777 ${join(place, name)}`);
      writeFileSync(join(place, name, 'there'), name);
    }
    const script = `
      cat /volumes/ro/there /data/there; echo
      touch /data/new && echo wrote; touch /volumes/ro/new 2>/dev/null || echo read-only
      df -k /cache | tail -1 | awk '{ print $2 }'; touch /cache/x && echo wrote; ls -ld /cache`;
    const { stdout } = await rig.ran(
      script,
      {
        volumeMounts: [{ volume: 'fixed', destination: '/volumes/ro' }],
        mounts: [
          { type: 'bind', source: join(place, 'rw'), destination: '/data' },
          { type: 'tmpfs', destination: '/cache', sizeMb: 3, mode: '1777' },
        ],
      },
      { volumes: { fixed: { source: join(place, 'ro'), readOnly: true } } },
    );
    const lines = stdout.trim().split('\n');
    expect(lines.slice(0, 5)).toEqual(['rorw', 'wrote', 'read-only', '3072', 'wrote']);
    expect(lines[5]).toMatch(/^drwxrwxrwt/);
    expect(readFileSync(join(place, 'rw', 'new'), 'utf8')).toBe('');
  });

  it('comes to mounts at any depth without a capability that passes closed directories', async () => {
    mkdirSync(join(place, 'deep'));
    sh(`chmod 755 ${join(place, 'deep')}`);
    writeFileSync(join(place, 'deep', 'there'), 'deep');
    const source = join(place, 'deep');
    const places = ['/srv/some/data', '/cache/one/two', '/local/one/two', '/sys/fs/cgroup'];
    const { stdout, stderr } = await rig.ran(
      places.map((at) => `cat ${at}/there; echo`).join('\n'),
      {
        mounts: [
          { type: 'tmpfs', destination: '/cache' },
          ...places.map((destination) => ({ type: 'bind' as const, source, destination })),
        ],
        config: { capDrop: ['all'] },
      },
    );
    expect([stdout, stderr]).toEqual(['deep\ndeep\ndeep\ndeep\n', '']);
  });

  it('leaves nothing that another user of the machine could come to, or that gives rights', async () => {
    const name = `setuid-${process.pid}`;
    const script = `
      cp /bin/true /alloc/data/${name} && chown root /alloc/data/${name}
      chmod 4755 /alloc/data/${name}; stat -c '%u %a' /alloc/data/${name}
      for at in /alloc /local /secrets /tmp; do grep " $at " /proc/mounts | cut -d' ' -f4; done`;
    const { view, stdout } = await rig.ran(script);
    const [file, ...options] = stdout.trim().split('\n');
    expect([view.exitCode, file]).toEqual([0, '0 4755']);
    expect(options).toHaveLength(4);
    for (const one of options)
      expect(one.split(',')).toEqual(expect.arrayContaining(['nosuid', 'nodev']));
    const path = sh(`find ${rig.dataDir} -name ${name}`).trim();
    expect(() => sh(`setpriv --reuid 4242 --regid 4242 --clear-groups sh -c ${path}`)).toThrow(
      'Permission denied',
    );
  });

  it('cannot write to its root when that is read-only, but to its directories', async () => {
    const task = { user: 'root', config: { readOnlyRoot: true } };
    const script =
      'touch /x 2>/dev/null || echo no; touch /local/x /secrets/x /tmp/x /alloc/x && echo yes';
    expect((await rig.ran(script, task)).stdout).toBe('no\nyes\n');
  });

  it.each([
    ['private', '1 task'],
    ['host', 'many machine'],
  ])('has its pids and its ipc as its modes say: %s', async (mode, expected) => {
    const script = `
      [ $(ls -d /proc/[0-9]* | wc -l) -lt 8 ] && pids=1 || pids=many
      [ "$(readlink /proc/self/ns/ipc)" = "$MACHINE" ] && ipc=machine || ipc=task
      echo $pids $ipc`;
    const env = { MACHINE: sh('readlink /proc/self/ns/ipc').trim() };
    const { stdout } = await rig.ran(script, { env, config: { pidMode: mode, ipcMode: mode } });
    expect(stdout.trim()).toBe(expected);
  });

  it('has the devices that it was given and no others', async () => {
    const script = `
      head -c 3 /dev/noise | wc -c; head -c 3 /dev/zero | wc -c
      ls /dev | grep -v core | tr '\\n' ' '`;
    const devices = [{ source: '/dev/urandom', path: '/dev/noise', permissions: 'r' }];
    const { stdout } = await rig.ran(script, { user: 'root', config: { devices } });
    const [noise, zero, names = ''] = stdout.trim().split('\n');
    expect([noise, zero]).toEqual(['3', '3']);
    expect(names.trim().split(' ').toSorted()).toEqual(
      'fd full mqueue noise null ptmx pts random shm stderr stdin stdout tty urandom zero'.split(
        ' ',
      ),
    );
  });

  it('has its resource limits and its score for the OOM killer', async () => {
    const task = { config: { rlimits: { nofile: '512:1024', core: 0 }, oomScoreAdj: 321 } };
    const script = 'ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj; umask';
    expect((await rig.ran(script, task)).stdout).toBe('512\n1024\n0\n321\n0022\n');
  });

  it.each([
    ['a command that is nowhere', { config: { command: 'nope' } }, /command "nope" was not found/],
    ['a user nobody knows', { user: 'nobody-knows' }, /nobody-knows/],
    ['a network that is not there', { config: { networkNamespace: '/run/netns/no' } }, /netns\/no/],
    [
      'a limit above its own',
      { config: { rlimits: { nofile: 99_999_999 } } },
      /nofile of 99999999/,
    ],
    [
      'a mount of nothing',
      { mounts: [{ type: 'bind' as const, source: '/nope', destination: '/x' }] },
      /the mount at \/x: \/nope does not exist/,
    ],
  ])('fails before anything of a run exists for %s', async (_what, task, reason) => {
    const { view } = await rig.ran('true', task);
    expect(view.state).toBe('failed');
    expect(view.reason).toMatch(reason);
    expect(view.startedAt).toBeNull();
  });

  it('is looked for in its directory, its mounts and its PATH, and its interpreter too', async () => {
    mkdirSync(join(place, 'tools'), { recursive: true });
    const tool = (name: string, text: string): void => {
      writeFileSync(join(place, 'tools', name), text, { mode: 0o755 });
    };
    tool('hello', '#!/bin/sh\necho hello from a mount\n');
    tool('lost', '#!/nowhere/sh\n');
    writeFileSync(join(place, 'tools', 'plain'), 'text', { mode: 0o644 });
    const mounts = [{ type: 'bind' as const, source: join(place, 'tools'), destination: '/tools' }];
    const ask = (command: string): ReturnType<ExecRig['ran']> =>
      rig.ran('', { mounts, config: { command, args: [] } });
    expect((await ask('hello')).stdout).toBe('hello from a mount\n');
    expect((await ask('lost')).view.reason).toContain('its interpreter /nowhere/sh does not exist');
    expect((await ask('plain')).view.reason).toContain('is not an executable file');
    expect((await ask('awk')).view.exitCode).not.toBe(127);
  });

  it('may be run by the universal executor, and is not isolated then', async () => {
    const { stdout } = await rig.ran('id -un; readlink /proc/self/ns/pid', {
      config: { executor: 'universal' },
    });
    expect(stdout).toBe(`nobody\n${sh('readlink /proc/self/ns/pid')}`);
  });
});

describe.skipIf(obstacle)(`an operator's rules (${obstacle ?? 'here'})`, () => {
  it('refuse what they do not allow', async () => {
    const rig = new ExecRig([exec({ deniedHostUids: '0,4000-5000', deniedHostGids: '4343' })]);
    const reason = async (user: string): Promise<string> =>
      (await rig.ran('true', { user })).view.reason;
    expect(await reason('root')).toContain('running as uid 0 is disallowed');
    expect(await reason('4242:1')).toContain('running as uid 4242 is disallowed');
    expect(await reason('nobody:4343')).toContain('running as gid 4343 is disallowed');
    expect((await rig.ran('true')).view.state).toBe('complete');
    await rig.end();
  });

  it('are asked before a task is accepted', async () => {
    const rig = new ExecRig();
    const orchestrator = await rig.orchestrator();
    const refusal = (task: Parameters<ExecRig['group']>[1]): Promise<unknown> =>
      orchestrator.run(rig.group('true', task)).catch((error: unknown) => error);
    expect(await refusal({ config: { capAdd: ['net_admin'] } })).toMatchObject({
      code: 'DRIVER_CONFIG_INVALID',
      message: expect.stringContaining('does not allow the following capabilities: net_admin'),
    });
    const mounts = [{ type: 'tmpfs' as const, destination: '/x' }];
    for (const task of [
      { driver: 'raw_exec', mounts },
      { config: { executor: 'universal' }, mounts },
    ]) {
      expect(await refusal(task)).toMatchObject({ code: 'CAPABILITY_MISSING' });
    }
    expect(await orchestrator.allocs({ all: true })).toEqual([]);
    await rig.end();
  });
});
