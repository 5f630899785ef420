import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import { DEFAULT_CAPABILITIES, taskCapabilities } from '../../src/drivers/capabilities.ts';
import { assertAllowed, idRanges } from '../../src/drivers/denied-ids.ts';
import { readExecConfig } from '../../src/drivers/exec-config.ts';
import { rawExec } from '../../src/drivers/raw-exec.ts';

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return HoldfastError.is(error) ? `${error.code}: ${error.message}` : String(error);
  }
  return 'nothing was refused';
}

describe('the config of exec', () => {
  it('has nothing but a command by default, and is isolated', () => {
    expect(readExecConfig({ command: 'web' })).toEqual({
      command: 'web',
      args: [],
      workDir: undefined,
      executor: 'isolated',
      pidMode: undefined,
      ipcMode: undefined,
      capAdd: [],
      capDrop: [],
      devices: [],
      rlimits: [],
      oomScoreAdj: undefined,
      noNewPrivileges: false,
      readOnlyRoot: false,
      networkNamespace: undefined,
    });
  });

  it('understands the names of Nomad, and fills devices in', () => {
    const config = { command: 'x', pid_mode: 'host', cap_add: ['net_raw'], work_dir: 'srv' };
    const devices = [
      { source: '/dev/fuse' },
      { source: '/dev/a', path: '/dev/b', permissions: 'r' },
    ];
    expect(readExecConfig({ ...config, devices, executor: 'auto' })).toMatchObject({
      pidMode: 'host',
      capAdd: ['net_raw'],
      workDir: 'srv',
      executor: 'isolated',
      devices: [{ source: '/dev/fuse', path: '/dev/fuse', permissions: 'rwm' }, devices[1]],
    });
  });

  it.each([
    [{}, 'config.command is required by driver exec'],
    [{ command: 'x', args: ['a', 'b\0'] }, 'config.args[1] must not contain NUL'],
    [{ command: 'x\0' }, 'config.command must not contain NUL'],
    [{ command: 'x', args: ['a', 1] }, 'config.args must be a list of strings'],
    [{ command: 'x', comand: 'y' }, 'config.comand is not a setting of exec'],
    [{ command: 'x', pidMode: 'shared' }, 'config.pidMode must be private or host'],
    [{ command: 'x', oomScoreAdj: -1 }, 'config.oomScoreAdj must be a number from 0 to 1000'],
    [{ command: 'x', networkNamespace: 'web' }, 'config.networkNamespace must be an absolute path'],
    [{ command: 'x', devices: [{ source: 'fuse' }] }, 'config.devices[0] must have absolute paths'],
    [{ command: 'x', devices: [{ source: '/dev/x', permissions: 'rr' }] }, 'must have permissions'],
    [{ command: 'x', rlimits: { files: 1 } }, 'config.rlimits.files is no limit'],
    [{ command: 'x', rlimits: { nofile: 3 } }, 'config.rlimits.nofile must be at least 16'],
    [{ command: 'x', rlimits: { nofile: '3:512' } }, 'config.rlimits.nofile must be at least 16'],
    [{ command: 'x', rlimits: { nofile: '9:1' } }, 'config.rlimits.nofile must be a number'],
    [
      { command: 'x', executor: 'universal', readOnlyRoot: true },
      'readOnlyRoot needs the isolated',
    ],
  ])('%j is refused: %s', (config, text) => {
    const said = refusal(() => readExecConfig(config));
    expect(said).toMatch(/^DRIVER_CONFIG_INVALID/);
    expect(said).toContain(text);
  });

  it.each([
    [
      'net-raw',
      'must be a capability such as net_raw, or all, not "net-raw". Did you mean net_raw?',
    ],
    ['CAP_NET_RWA', 'not "CAP_NET_RWA". Did you mean net_raw?'],
    ['everything', 'must be a capability such as net_raw, or all, not "everything"'],
    ['', 'must be a capability such as net_raw, or all, not ""'],
  ])('a capability %j is refused by both drivers, added or dropped', (name, text) => {
    const raw = (config: Record<string, unknown>): string =>
      refusal(() => rawExec().checkConfig({ command: 'x', ...config }));
    const isolated = (config: Record<string, unknown>): string =>
      refusal(() => readExecConfig({ command: 'x', ...config }));
    for (const said of [
      raw({ capDrop: ['kill', name] }),
      isolated({ capDrop: ['kill', name] }),
      isolated({ cap_add: ['kill', name] }),
    ]) {
      expect(said).toMatch(/^DRIVER_CONFIG_INVALID: config\.cap(Add|Drop)\[1\] /);
      expect(said).toContain(text);
    }
  });

  it('takes capabilities in any case, with CAP_ or without it, and all', () => {
    const names = [
      'net_raw',
      'NET_RAW',
      'cap_net_raw',
      'CAP_NET_RAW',
      ' Net_Raw ',
      'all',
      'CAP_ALL',
    ];
    expect(readExecConfig({ command: 'x', capDrop: names }).capDrop).toEqual(names);
    expect(() => rawExec().checkConfig({ command: 'x', capDrop: names })).not.toThrow();
  });

  it('reads limits as a number, a word, a pair or a map', () => {
    const rlimits = {
      nofile: 1024,
      core: 'unlimited',
      nproc: '10:20',
      stack: { soft: 1, hard: 2 },
    };
    expect(readExecConfig({ command: 'x', rlimits }).rlimits).toEqual([
      { name: 'nofile', soft: 1024, hard: 1024 },
      { name: 'core', soft: 'unlimited', hard: 'unlimited' },
      { name: 'nproc', soft: 10, hard: 20 },
      { name: 'stack', soft: 1, hard: 2 },
    ]);
  });
});

describe('the capabilities of a task', () => {
  const own = [...DEFAULT_CAPABILITIES, 'CAP_NET_RAW', 'CAP_SYS_ADMIN'];
  const of = (wish: Partial<Parameters<typeof taskCapabilities>[0]>): readonly string[] =>
    taskCapabilities({ allow: DEFAULT_CAPABILITIES, add: [], drop: [], own, ...wish });

  it.each([
    ['by default are those of Nomad', {}, [...DEFAULT_CAPABILITIES]],
    ['are cut to what is allowed', { allow: ['chown', 'net_raw'] }, ['CAP_CHOWN']],
    [
      'are without what was dropped',
      { allow: ['chown', ' CAP_kill'], drop: ['KILL'] },
      ['CAP_CHOWN'],
    ],
    ['have what was added after the dropping', { drop: ['all'], add: ['chown'] }, ['CAP_CHOWN']],
    ['are all that the agent has', { allow: ['all'], add: ['all'] }, own],
    ['are cut to what the agent has', { own: ['CAP_KILL'] }, ['CAP_KILL']],
  ])('%s', (_what, wish, expected) => {
    expect(of(wish)).toEqual(expected.toSorted());
  });

  it('are refused when they are not allowed, or were asked for by name and the agent lacks them', () => {
    expect(refusal(() => of({ add: ['net_raw', 'sys_admin'] }))).toBe(
      'DRIVER_CONFIG_INVALID: driver does not allow the following capabilities: net_raw, sys_admin',
    );
    expect(refusal(() => of({ allow: ['all', 'bpf'], add: ['bpf'] }))).toBe(
      'CAPABILITY_MISSING: this agent itself does not have CAP_BPF',
    );
  });
});

describe('denied ids', () => {
  const account = { uid: 1000, gid: 100, groups: [100, 4], name: 'a', home: '/' };

  it.each([
    ['', []],
    ['0', [{ lower: 0, upper: 0 }]],
    [
      '0-9, 12,4294967295',
      [
        { lower: 0, upper: 9 },
        { lower: 12, upper: 12 },
        { lower: 4_294_967_295, upper: 4_294_967_295 },
      ],
    ],
  ])('%j are ranges', (text, ranges) => {
    expect(idRanges(text)).toEqual(ranges);
  });

  it.each([
    ['a', 'range bound not valid'],
    ['1-2-3', 'range bound not valid'],
    ['4294967296', 'range bound not valid'],
    ['-1', 'range bound not valid'],
    ['9-1', 'lower bound cannot be greater than upper bound'],
  ])('%j are none: %s', (text, said) => {
    expect(refusal(() => idRanges(text))).toContain(said);
  });

  it('deny a user, and any of its groups, and nobody else', () => {
    const check = (uids: string, gids: string): string =>
      refusal(() => assertAllowed(account, { uids: idRanges(uids), gids: idRanges(gids) }));
    expect(check('1000', '')).toBe('PERMISSION_DENIED: running as uid 1000 is disallowed');
    expect(check('', '0-50')).toBe('PERMISSION_DENIED: running as gid 4 is disallowed');
    expect(check('0-999,1001-2000', '0-3,5-99')).toBe('nothing was refused');
  });
});
