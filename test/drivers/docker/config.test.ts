import { describe, expect, it } from 'vitest';
import { checkDockerConfig, checkDockerTask } from '../../../src/drivers/docker/check-task.ts';
import { readDockerConfig } from '../../../src/drivers/docker/config.ts';
import {
  type DockerDriverOptions,
  readDockerOptions,
} from '../../../src/drivers/docker/options.ts';
import { HoldfastError } from '../../../src/errors.ts';
import { taskSpec } from '../../machines/stories.ts';

function issuesOf(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    if (!HoldfastError.is(error)) throw error;
    const { issues = [] } = error.details as { issues?: { path: string; message: string }[] };
    return issues.map(({ path, message }) => `${path} ${message}`);
  }
  return [];
}

const read = (config: Readonly<Record<string, unknown>>) =>
  readDockerConfig({ image: 'web', ...config });

describe('the config of docker', () => {
  it('has nothing but an image by default', () => {
    expect(read({})).toMatchObject({ image: 'web', args: [], mounts: [], cpuCfsPeriod: 100_000 });
    expect(issuesOf(() => readDockerConfig({}))).toEqual(['image is required by driver docker']);
  });

  it('understands the names of Nomad and its blocks in lists', () => {
    const config = read({
      work_dir: '/srv',
      force_pull: true,
      image_pull_timeout: '90s',
      port_map: [{ http: 80 }],
      auth: [{ username: 'me', password: 'secret', server_address: 'example.org' }],
      ulimit: { nofile: '1024:2048' },
      mount: [{ type: 'tmpfs', target: '/t', tmpfs_options: { size: 5, mode: '0755' } }],
      healthchecks: { disable: true },
      devices: [{ host_path: '/dev/null', cgroup_permissions: 'r' }],
    });
    expect(config).toMatchObject({
      workDir: '/srv',
      forcePull: true,
      imagePullTimeoutMs: 90_000,
      portMap: { http: 80 },
      auth: { username: 'me', serverAddress: 'example.org' },
      ulimits: [{ name: 'nofile', soft: 1024, hard: 2048 }],
      mounts: [{ type: 'tmpfs', target: '/t', readOnly: false, sizeBytes: 5, mode: 0o755 }],
      isHealthcheckOff: true,
      devices: [{ hostPath: '/dev/null', containerPath: '/dev/null', permissions: 'r' }],
    });
  });

  it.each([
    [{ comand: 'x' }, 'comand is not a setting of docker. Did you mean command?'],
    [{ image: 'a b' }, 'image must be the name of an image, without blanks'],
    [{ workDir: 'srv' }, 'workDir must be an absolute path'],
    [
      { auth: { usernam: 'me' } },
      'auth.usernam is not a setting of docker. Did you mean username?',
    ],
    [{ mounts: [{ target: 'x' }] }, 'mounts[0].target must be an absolute path'],
    [
      { mounts: [{ type: 'bind', target: '/x' }] },
      'mounts[0].source is required for a mount of type bind',
    ],
    [
      { mounts: [{ type: 'tmpfs', target: '/x', source: '/y' }] },
      'mounts[0].source is not for a mount of type tmpfs',
    ],
    [{ volumes: ['/a'] }, expect.stringMatching(/^volumes\[0\] must be SOURCE:TARGET /)],
    [{ portMap: { http: 70_000 } }, 'portMap.http must be a port from 1 to 65535'],
    [{ ipv4Address: '10.0.0.300' }, 'ipv4Address must be an IPv4 address'],
    [{ ipv4Address: '10.0.0.3' }, 'ipv4Address needs networkMode to name a network'],
    [{ networkMode: 'none', ports: ['http'] }, 'ports need a network of the engine, not none'],
    [{ cpuCfsPeriod: 1_000_001 }, 'cpuCfsPeriod must be a number from 0 to 1000000'],
    [{ imagePullTimeout: 90 }, 'imagePullTimeout must be a duration with a unit, such as "3m"'],
    [
      { labels: { 'dev.holdfast.alloc': 'x' } },
      'labels.dev.holdfast.alloc is a label of this agent',
    ],
    [
      { logging: { type: 'a', driver: 'b' } },
      'logging.driver is another word for type, which says something else',
    ],
    [
      { devices: [{ hostPath: '/dev/x', cgroupPermissions: 'rr' }] },
      'devices[0].cgroupPermissions must be made of "rwm"',
    ],
    [{ capAdd: ['net_ra'] }, expect.stringMatching(/^capAdd\[0\] .*Did you mean net_raw\?$/)],
    [{ isolation: 'process' }, expect.stringMatching(/^isolation is not a setting of docker/)],
  ])('refuses %j by its path', (config, issue) => {
    expect(issuesOf(() => read(config))).toEqual([issue]);
  });

  it('says all mistakes at once', () => {
    const issues = issuesOf(() => readDockerConfig({ tty: 1, init: 'yes', nonsense: true }));
    expect(issues.map((text) => text.split(' ')[0])).toEqual(['image', 'init', 'tty', 'nonsense']);
  });
});

describe('what an operator allows', () => {
  const check = (config: Readonly<Record<string, unknown>>, options: DockerDriverOptions = {}) =>
    issuesOf(() => checkDockerConfig(read(config), readDockerOptions(options)));

  it.each([
    [{ privileged: true }, 'privileged is not allowed by this agent (option allowPrivileged)'],
    [{ runtime: 'kata' }, 'runtime is not allowed by this agent (runc, nvidia)'],
    [{ pidMode: 'host' }, 'pidMode of host is not allowed by this agent (option allowedModes.pid)'],
    [{ ipcMode: 'host' }, 'ipcMode of host is not allowed by this agent (option allowedModes.ipc)'],
    [{ utsMode: 'host' }, 'utsMode of host is not allowed by this agent (option allowedModes.uts)'],
    [
      { usernsMode: 'host' },
      'usernsMode of host is not allowed by this agent (option allowedModes.userns)',
    ],
    [
      { cgroupns: 'host' },
      'cgroupns of host is not allowed by this agent (option allowPrivileged)',
    ],
    [
      { securityOpt: ['no-new-privileges', 'seccomp=unconfined'] },
      'securityOpt[1] seccomp=unconfined is not allowed by this agent (option allowPrivileged)',
    ],
  ])('keeps %j from tasks unless it says so', (config, issue) => {
    expect(check(config)).toEqual([issue]);
    expect(check(config, { allowPrivileged: true, allowRuntimes: ['kata'] })).toEqual([]);
  });

  it('lets single modes through by name', () => {
    const options = { allowedModes: { pid: ['container:*'] } };
    expect(check({ pidMode: 'container:a' }, options)).toEqual([]);
    expect(check({ pidMode: 'host' }, options)).toHaveLength(1);
  });

  it('bounds the processes of a task', () => {
    expect(check({ pidsLimit: 10 }, { pidsLimit: 10 })).toEqual([]);
    expect(check({ pidsLimit: 11 }, { pidsLimit: 10 })).toEqual([
      'pidsLimit must be at most 10 on this agent',
    ]);
    expect(check({ pidsLimit: -1 }, { pidsLimit: 10 })).toHaveLength(1);
  });

  it('gives no capability that it does not have on its list', () => {
    const refusal = expect.objectContaining({
      code: 'DRIVER_CONFIG_INVALID',
      message: 'driver does not allow the following capabilities: net_raw',
    });
    const config = read({ capAdd: ['net_raw'] });
    expect(() => checkDockerConfig(config, readDockerOptions())).toThrow(refusal);
    const options = readDockerOptions({ allowCaps: ['net_raw'] });
    expect(() => checkDockerConfig(config, options)).not.toThrow();
  });

  it('does not put a task into two networks', () => {
    const task = taskSpec({ driver: 'docker', network: { mode: 'bridge' } });
    const issue =
      'networkMode names a network, and the group of task web has one of its own (bridge)';
    expect(issuesOf(() => checkDockerTask(task, read({ networkMode: 'host' })))).toEqual([issue]);
    expect(issuesOf(() => checkDockerTask(task, read({})))).toEqual([]);
  });
});

describe('the options of docker', () => {
  it('are those of Nomad by default', () => {
    expect(readDockerOptions()).toEqual({
      endpoint: 'unix:///var/run/docker.sock',
      tls: undefined,
      auth: {},
      gc: {
        isImageOn: true,
        imageDelayMs: 180_000,
        isContainerOn: true,
        dangling: { isOn: true, periodMs: 300_000, creationGraceMs: 300_000, isDryRun: false },
      },
      pidsLimit: undefined,
      oomScoreAdj: 0,
      isPrivilegedAllowed: false,
      allowCaps: expect.arrayContaining(['CAP_CHOWN']),
      allowRuntimes: ['runc', 'nvidia'],
      allowedModes: { pid: [], ipc: [], userns: [], uts: [] },
      volumes: { isEnabled: false, selinuxLabel: undefined },
      imagePullTimeoutMs: 300_000,
      pullActivityTimeoutMs: 120_000,
      containerExistsAttempts: 5,
      extraLabels: [],
      logging: { type: 'json-file', config: { 'max-file': '2', 'max-size': '2m' } },
      isLogCollectionOff: false,
    });
  });

  it('say what is wrong with them by its path', () => {
    const options = {
      endpoint: 'http://x',
      gc: { dangling_containers: { creation_grace: '5s' }, imageDelays: '1m' },
    };
    expect(issuesOf(() => readDockerOptions(options as DockerDriverOptions))).toEqual(
      [
        'endpoint must be unix:///PATH or tcp://HOST:PORT',
        'gc.danglingContainers.creationGrace must be at least 60s',
        'gc.imageDelays is not a setting of docker. Did you mean imageDelay?',
      ].toSorted(undefined),
    );
  });
});
