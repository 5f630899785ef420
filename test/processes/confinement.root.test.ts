import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeFifo } from '../../src/os/libc.ts';
import { StopStep_Target as Target } from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';
import { ConfinementRig, NOBODY } from './confinement-rig.ts';
import { until } from './host-rig.ts';

const KILL_TREE = { signal: 'SIGKILL', target: Target.TREE, waitMs: 10_000 };
const hasIp =
  process.env['CI'] !== undefined || ['/usr/sbin/ip', '/sbin/ip'].some((path) => existsSync(path));
const isRoot = process.geteuid?.() === 0;
let rig: ConfinementRig;
let host: Host;

beforeAll(async () => {
  rig = new ConfinementRig();
  host = await rig.host('h1');
});

afterAll(() => rig.end());

const STATUS = "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status; echo end";

function field(status: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '';
}

function capabilitySets(status: string): Record<string, bigint> {
  const names = ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'];
  return Object.fromEntries(
    names.map((name) => [name, BigInt(`0x${field(status, `Cap${name}`)}`)]),
  );
}

const NET_BIND_SERVICE = 1n << 10n;
const CHOWN = 1n;

describe.skipIf(!isRoot)('a program that is confined', () => {
  afterEach(() => void rig.read(rig.stdout));

  test('is the user that it was said to be, with exactly his groups and no capability', async () => {
    const status = await rig.said(host, rig.confined(STATUS, { user: NOBODY }));
    expect(field(status, 'Uid')).toBe('65534\t65534\t65534\t65534');
    expect(field(status, 'Gid')).toBe('65534\t65534\t65534\t65534');
    expect(field(status, 'Groups')).toBe('33 65534');
    expect(capabilitySets(status)).toEqual({ Inh: 0n, Prm: 0n, Eff: 0n, Bnd: 0n, Amb: 0n });
  });

  test('has no supplementary group where none was given', async () => {
    const user = { uid: 65_534, gid: 65_534, groups: [] };
    expect(field(await rig.said(host, rig.confined(STATUS, { user })), 'Groups')).toBe('');
  });

  test('can use the capabilities that it keeps although it is not root', async () => {
    const capabilities = { keep: ['CAP_NET_BIND_SERVICE'] };
    const status = await rig.said(host, rig.confined(STATUS, { user: NOBODY, capabilities }));
    const only = NET_BIND_SERVICE;
    expect(capabilitySets(status)).toEqual({
      Inh: only,
      Prm: only,
      Eff: only,
      Bnd: only,
      Amb: only,
    });
  });

  test('as root has what it keeps, in all the sets by which root has it', async () => {
    const capabilities = { keep: ['CAP_CHOWN', 'CAP_NET_BIND_SERVICE'] };
    const user = { uid: 0, gid: 0, groups: [0] };
    const status = await rig.said(host, rig.confined(STATUS, { user, capabilities }));
    const both = CHOWN | NET_BIND_SERVICE;
    expect(capabilitySets(status)).toEqual({ Inh: 0n, Prm: both, Eff: both, Bnd: both, Amb: 0n });
  });

  test('as root without a wish has what the host has', async () => {
    const own = capabilitySets(readFileSync('/proc/self/status', 'utf8'));
    const status = await rig.said(
      host,
      rig.confined(STATUS, { user: { uid: 0, gid: 0, groups: [0] } }),
    );
    expect(capabilitySets(status)).toMatchObject({ Eff: own['Eff'], Bnd: own['Bnd'] });
  });

  test('can never get new privileges when that was asked', async () => {
    expect(
      field(await rig.said(host, rig.confined(STATUS, { noNewPrivileges: true })), 'NoNewPrivs'),
    ).toBe('1');
    expect(field(await rig.said(host, rig.confined(STATUS, {})), 'NoNewPrivs')).toBe('0');
  });

  test('has the resource limits, the badness and the umask that it was given', async () => {
    const limits = rig.confined(
      'ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj; umask; echo end',
      {
        resourceLimits: [
          { name: 'nofile', soft: '64', hard: '128' },
          { name: 'core', soft: '0', hard: '0' },
        ],
        oomScoreAdj: 321,
        user: NOBODY,
      },
    );
    expect(await rig.said(host, limits)).toBe('64\n128\n0\n321\n0022\n');
  });

  test.each([
    ['0', '0'],
    ['0', '1048576'],
    ['512', ''],
    ['1048576', '1048576'],
  ])('may have a limit of file size of %s:%s, and starts with it', async (soft, hard) => {
    for (const user of [undefined, NOBODY]) {
      const script = "grep 'Max file size' /proc/self/limits; echo end";
      const resourceLimits = [{ name: 'fsize', soft, hard }];
      const line = await rig.said(host, rig.confined(script, { user, resourceLimits }));
      expect(line.trim().split(/ +/).slice(3, 5)).toEqual([soft, hard || 'unlimited']);
    }
  });

  test('gets its environment and arguments as every program does, and may open its output anew', async () => {
    const script = 'echo "$1 $A" >/dev/stdout; env | grep -c "^H[0-9]"; echo end';
    const request = rig.confined(
      script,
      { user: NOBODY },
      { env: { A: "it's\n$x", PATH: '/usr/bin' } },
    );
    request.args = ['-c', script, 'sh', '-x "y'];
    expect(await rig.said(host, request)).toBe('-x "y it\'s\n$x\n0\n');
  });

  test('keeps the pid that was told, leads a session, and has no descriptor too many', async () => {
    const script = 'echo $$; cut -d" " -f6 /proc/$$/stat; ls /proc/$$/fd; echo end';
    const request = rig.confined(script, { user: NOBODY });
    const { pid } = await rig.started(host, request);
    const text = await rig.output((seen) => seen.includes('end\n'));
    expect(text).toBe(`${pid}\n${pid}\n0\n1\n2\nend\n`);
  });

  test('ends with its own exit code or signal', async () => {
    for (const [script, end] of [
      ['exit 1', { exitCode: 1, execFailed: false }],
      ['exit 125', { exitCode: 125, execFailed: false }],
      ['exit 127', { exitCode: 127, execFailed: false }],
      ['kill -INT $$', { signal: 'SIGINT', execFailed: false }],
      ['kill -KILL $$', { signal: 'SIGKILL', execFailed: false }],
    ] as const) {
      const request = rig.confined(script, { user: NOBODY });
      await rig.started(host, request);
      expect(await rig.report(host, request.launchKey)).toMatchObject({ value: end });
    }
  });

  test('is refused when its user cannot enter its working directory', async () => {
    const cwd = join(rig.stateDir, 'closed');
    mkdirSync(cwd, { mode: 0o700 });
    const request = rig.confined('echo no', { user: NOBODY }, { cwd });
    expect(await rig.launch(host, request)).toMatchObject({
      $case: 'failed',
      value: {
        code: 'START_FAILED',
        message: `the user cannot enter the working directory ${cwd}`,
      },
    });
    expect(rig.read(rig.stdout)).toBe('');
  });

  test('is refused when its user may not execute it', async () => {
    const command = join(rig.stateDir, 'program');
    execFileSync('cp', ['/bin/true', command]);
    chmodSync(command, 0o700);
    const request = rig.confined('', { user: NOBODY }, { command, args: [] });
    expect(await rig.launch(host, request)).toMatchObject({
      $case: 'failed',
      value: { code: 'COMMAND_NOT_EXECUTABLE' },
    });
  });

  test('is refused in the words of the tool that could not do its part', async () => {
    const networkNamespace = join(rig.stateDir, 'no-namespace');
    const outcome = await rig.launch(host, rig.confined('echo no', { networkNamespace }));
    expect(outcome).toMatchObject({ $case: 'failed', value: { code: 'START_FAILED' } });
    expect(JSON.stringify(outcome)).toContain('no-namespace');
  });

  test('can be stopped although it stands still on its way to the program', async () => {
    const networkNamespace = join(rig.stateDir, 'nobody-writes');
    makeFifo(networkNamespace);
    const request = rig.confined('echo no', { networkNamespace });
    const launched = rig.launch(host, request);
    await until(() => existsSync(join(rig.dirOf(request), 'identity')));
    expect(await rig.stop(host, request.launchKey, [KILL_TREE])).toMatchObject({ $case: 'ended' });
    await launched;
    expect(await rig.report(host, request.launchKey)).toMatchObject({
      value: { signal: 'SIGKILL' },
    });
  });

  test.skipIf(!hasIp)('is in the network namespace that was named (with iproute2)', async () => {
    const name = `hf-${process.pid}`;
    execFileSync('ip', ['netns', 'add', name]);
    try {
      const { ino } = statSync(`/run/netns/${name}`);
      const wish = { networkNamespace: `/run/netns/${name}`, user: NOBODY };
      const text = await rig.said(
        host,
        rig.confined('readlink /proc/self/ns/net; ls /sys/fs/cgroup | wc -l; echo end', wish),
      );
      expect(text.split('\n')[0]).toBe(`net:[${ino}]`);
      expect(ino).not.toBe(statSync('/proc/self/ns/net').ino);
    } finally {
      execFileSync('ip', ['netns', 'delete', name]);
    }
  });
});
