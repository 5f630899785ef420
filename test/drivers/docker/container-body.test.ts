import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readDockerConfig } from '../../../src/drivers/docker/config.ts';
import { containerBody, containerName } from '../../../src/drivers/docker/container-body.ts';
import { containerStorage } from '../../../src/drivers/docker/container-storage.ts';
import {
  type DockerDriverOptions,
  readDockerOptions,
} from '../../../src/drivers/docker/options.ts';
import type { RunRequest } from '../../../src/drivers/driver.ts';
import type { AssignedPort } from '../../../src/spec/network-spec.ts';
import type { TaskSpec } from '../../../src/spec/task-spec.ts';
import { runRequest } from '../run-request.ts';

type Config = Readonly<Record<string, unknown>>;

interface Asked {
  readonly config?: Config;
  readonly options?: DockerDriverOptions;
  readonly task?: Partial<TaskSpec>;
  readonly ports?: readonly AssignedPort[];
  readonly joined?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function requested({ config = {}, task = {}, env }: Asked, dir?: string): RunRequest {
  const run = runRequest('docker', { image: 'web', ...config }, 3, dir);
  return { ...run, task: { ...run.task, ...task }, env: env ?? run.env };
}

function body(
  asked: Asked = {},
): Record<string, unknown> & { HostConfig: Record<string, unknown> } {
  const run = requested(asked);
  const made = containerBody({
    run,
    config: readDockerConfig(run.task.config),
    options: readDockerOptions(asked.options),
    instanceId: 'i1',
    imageId: 'sha256:1',
    ports: asked.ports ?? [],
    storage: { Binds: [], Mounts: [] },
    capabilities: ['CAP_CHOWN'],
    labels: { node: 'n1', job: 'shop', group: 'shop', alloc: 'a1', task: 'web' },
    ...(asked.joined !== undefined && { joined: asked.joined }),
  });
  return made as ReturnType<typeof body>;
}

const PORT: AssignedPort = { label: 'http', hostIp: '10.0.0.1', hostPort: 20_001, to: 80 };

describe('the container of a run', () => {
  it('is named after its launch key', () => {
    expect(containerName('k1')).toBe('holdfast-k1');
  });

  it('is created from the id of its image, with no restarts of its own, and carries whose it is', () => {
    const made = body();
    expect(made).toMatchObject({
      Image: 'sha256:1',
      Labels: {
        'dev.holdfast.instance': 'i1',
        'dev.holdfast.mark': expect.stringMatching(/:[a-z2-7]{20}$/),
        'dev.holdfast.alloc': 'a1',
        'dev.holdfast.task': 'web',
        'dev.holdfast.run': '3',
        'dev.holdfast.protocol': '1',
      },
      HostConfig: {
        RestartPolicy: { Name: 'no' },
        AutoRemove: false,
        CapDrop: ['ALL'],
        CapAdd: ['CAP_CHOWN'],
        LogConfig: { Type: 'json-file', Config: { 'max-file': '2', 'max-size': '2m' } },
        NetworkMode: 'default',
      },
    });
    expect(Object.keys(made)).not.toContain('Cmd');
    expect(Object.keys(made)).not.toContain('Entrypoint');
    expect(made['Env']).toContainEqual(expect.stringMatching(/^HOLDFAST_MARK=.*:[a-z2-7]{20}$/));
  });

  it.each<[string, Asked, Config]>([
    ['command and arguments', { config: { command: 'a', args: ['b'] } }, { Cmd: ['a', 'b'] }],
    ['arguments alone', { config: { args: ['b'] } }, { Cmd: ['b'] }],
    ['an entry point', { config: { entrypoint: ['e'] } }, { Entrypoint: ['e'] }],
    ['no entry point', { config: { entrypoint: [] } }, { Entrypoint: [] }],
    ['a user', { task: { user: '1000:7' } }, { User: '1000:7' }],
    ['a directory', { config: { workDir: '/srv' } }, { WorkingDir: '/srv' }],
    ['a terminal', { config: { tty: true, interactive: true } }, { Tty: true, OpenStdin: true }],
    ['a name', { config: { hostname: 'h' } }, { Hostname: 'h' }],
    [
      'the name of its group',
      { task: { network: { mode: 'host', hostname: 'g' } } },
      { Hostname: 'g' },
    ],
    [
      'no health checks',
      { config: { healthchecks: { disable: true } } },
      { Healthcheck: { Test: ['NONE'] } },
    ],
    [
      'a hardware address',
      { config: { macAddress: '02:42:ac:11:00:02' } },
      { MacAddress: '02:42:ac:11:00:02' },
    ],
    ['labels of a user', { config: { labels: { a: 1 } } }, { Labels: { a: '1' } }],
    [
      'labels that the operator wants',
      { options: { extraLabels: ['n*'] } },
      { Labels: { 'dev.holdfast.node': 'n1' } },
    ],
    [
      'a place in a network',
      { config: { networkMode: 'lan', networkAliases: ['w'], ipv4Address: '10.1.0.2' } },
      {
        NetworkingConfig: {
          EndpointsConfig: { lan: { Aliases: ['w'], IPAMConfig: { IPv4Address: '10.1.0.2' } } },
        },
      },
    ],
  ])('has %s', (_what, asked, wanted) => {
    expect(body(asked)).toMatchObject(wanted);
  });

  it.each<[string, Asked, Config]>([
    ['init', { config: { init: true } }, { Init: true }],
    ['a read-only root', { config: { readonlyRootfs: true } }, { ReadonlyRootfs: true }],
    [
      'security options',
      { config: { securityOpt: ['no-new-privileges'] } },
      { SecurityOpt: ['no-new-privileges'] },
    ],
    ['groups', { config: { groupAdd: ['audio'] } }, { GroupAdd: ['audio'] }],
    ['a runtime', { config: { runtime: 'runc' } }, { Runtime: 'runc' }],
    [
      'namespaces of the machine',
      {
        config: {
          pidMode: 'host',
          ipcMode: 'host',
          utsMode: 'host',
          usernsMode: 'host',
          cgroupns: 'host',
        },
      },
      {
        PidMode: 'host',
        IpcMode: 'host',
        UTSMode: 'host',
        UsernsMode: 'host',
        CgroupnsMode: 'host',
      },
    ],
    [
      'a score of its own',
      { config: { oomScoreAdj: 5 }, options: { oomScoreAdj: 9 } },
      { OomScoreAdj: 5 },
    ],
    ['the score of the operator', { options: { oomScoreAdj: 9 } }, { OomScoreAdj: 9 }],
    [
      'memory without swap',
      { task: { resources: { memoryMb: 2 } } },
      { Memory: 2_097_152, MemorySwap: 2_097_152 },
    ],
    [
      'memory that is kept',
      { task: { resources: { memoryMb: 1, memoryMaxMb: 2 } } },
      { Memory: 2_097_152, MemorySwap: 2_097_152, MemoryReservation: 1_048_576 },
    ],
    [
      'a hard limit by its settings',
      { task: { resources: { memoryMb: 1 } }, config: { memoryHardLimit: 2 } },
      { Memory: 2_097_152, MemoryReservation: 1_048_576 },
    ],
    ['a share of processors', { task: { resources: { cpu: 0.5 } } }, { CpuShares: 512 }],
    [
      'no more than its share',
      { task: { resources: { cpu: 0.5 } }, config: { cpuHardLimit: true, cpuCfsPeriod: 50_000 } },
      { CpuShares: 512, CpuPeriod: 50_000, CpuQuota: 25_000 },
    ],
    [
      'most of the processors',
      { task: { resources: { cpuMax: 1.5 } } },
      { CpuPeriod: 100_000, CpuQuota: 150_000 },
    ],
    ['some processors', { config: { cpusetCpus: '0' } }, { CpusetCpus: '0' }],
    [
      'the processors of its resources',
      { config: { cpusetCpus: '0' }, task: { resources: { cpuset: '1' } } },
      { CpusetCpus: '1' },
    ],
    [
      'processes',
      { task: { resources: { pids: 7 } }, options: { pidsLimit: 9 } },
      { PidsLimit: 7 },
    ],
    ['processes as everybody', { options: { pidsLimit: 9 } }, { PidsLimit: 9 }],
    ['shared memory', { config: { shmSize: 65_536 } }, { ShmSize: 65_536 }],
    [
      'resource limits',
      { config: { ulimit: { nofile: '64:128', core: 'unlimited' } } },
      {
        Ulimits: [
          { Name: 'nofile', Soft: 64, Hard: 128 },
          { Name: 'core', Soft: -1, Hard: -1 },
        ],
      },
    ],
    [
      'kernel settings',
      { config: { sysctl: { 'net.core.somaxconn': 16 } } },
      { Sysctls: { 'net.core.somaxconn': '16' } },
    ],
    [
      'a size of its root',
      { config: { storageOpt: { size: '1G' } } },
      { StorageOpt: { size: '1G' } },
    ],
    ['hosts', { config: { extraHosts: ['a:10.0.0.1'] } }, { ExtraHosts: ['a:10.0.0.1'] }],
    [
      'name servers over those of its group',
      {
        config: { dnsServers: ['10.0.0.2'], dnsOptions: ['ndots:1'] },
        task: { network: { mode: 'host', dns: { servers: ['10.0.0.9'], searches: ['x.org'] } } },
      },
      { Dns: ['10.0.0.2'], DnsSearch: ['x.org'], DnsOptions: ['ndots:1'] },
    ],
    [
      'a log of its own kind',
      { config: { logging: { type: 'syslog', config: { tag: 't' } } } },
      { LogConfig: { Type: 'syslog', Config: { tag: 't' } } },
    ],
    [
      'a capped log with a setting of its own',
      { config: { logging: { type: 'json-file', config: { 'max-size': '9m' } } } },
      { LogConfig: { Type: 'json-file', Config: { 'max-file': '2', 'max-size': '9m' } } },
    ],
  ])('is limited or opened by %s', (_what, asked, wanted) => {
    expect(body(asked).HostConfig).toMatchObject(wanted);
  });

  it('has no limits of memory when its settings ask for none', () => {
    const { HostConfig } = body({
      config: { memoryHardLimit: -1 },
      task: { resources: { memoryMb: 1 } },
    });
    expect(HostConfig).toMatchObject({ MemoryReservation: 1_048_576 });
    expect(HostConfig).not.toHaveProperty('Memory');
  });

  it('has every capability when it is privileged, and no list', () => {
    const { HostConfig } = body({ config: { privileged: true } });
    expect(HostConfig).toMatchObject({ Privileged: true });
    expect(HostConfig).not.toHaveProperty('CapDrop');
  });

  it('keeps the path of its image unless somebody wrote one down', () => {
    const standard = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    expect(body({ env: { PATH: standard, A: '1' } })['Env']).toEqual([
      'A=1',
      expect.stringMatching(/^HOLDFAST_MARK=/),
    ]);
    const task = { env: { PATH: standard } };
    expect(body({ env: { PATH: standard }, task })['Env']).toContain(`PATH=${standard}`);
  });

  it('publishes the ports that it names, at every address of the machine or at one', () => {
    const ports = [PORT, { ...PORT, label: 'admin', hostPort: 20_002, hostNetwork: 'lan' }];
    const made = body({ config: { ports: ['http'], portMap: { admin: 8_080 } }, ports });
    const place = { HostIp: '', HostPort: '20001' };
    const admin = { HostIp: '10.0.0.1', HostPort: '20002' };
    expect(made.HostConfig['PortBindings']).toEqual({
      '80/tcp': [place],
      '80/udp': [place],
      '8080/tcp': [admin],
      '8080/udp': [admin],
    });
    expect(Object.keys(made['ExposedPorts'] as object)).toHaveLength(4);
    expect(made['Env']).toEqual(
      expect.arrayContaining(['HOLDFAST_PORT_admin=8080', 'NOMAD_PORT_admin=8080']),
    );
    expect(() => body({ config: { ports: ['db'] }, ports })).toThrow('the group has no port db');
  });

  it('publishes nothing in the network of the machine, or of another container', () => {
    const asked = { config: { ports: ['http'], networkMode: 'host' }, ports: [PORT] };
    expect(body(asked).HostConfig).not.toHaveProperty('PortBindings');
    const joined = body({
      config: { hostname: 'h', ports: ['http'] },
      ports: [PORT],
      joined: 'c1',
    });
    expect(joined.HostConfig).toMatchObject({ NetworkMode: 'container:c1' });
    expect(joined.HostConfig).not.toHaveProperty('PortBindings');
    expect(joined).not.toHaveProperty('Hostname');
  });
});

describe('what a container sees', () => {
  function alloc(): string {
    const dir = mkdtempSync(join(tmpdir(), 'hf-storage-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    for (const name of ['alloc', 'web/local']) mkdirSync(join(dir, name), { recursive: true });
    return dir;
  }

  function storage(
    dir: string,
    config: Config,
    options: DockerDriverOptions = {},
    task: Partial<TaskSpec> = {},
  ) {
    const run = requested({ config, task }, join(dir, 'web'));
    const dirs = { ...run.dirs, alloc: join(dir, 'alloc'), logs: join(dir, 'logs') };
    return containerStorage(
      { dirs, task: run.task },
      readDockerConfig(run.task.config),
      readDockerOptions(options),
    );
  }

  it('are the directories of its task, and its output read-only', () => {
    const dir = alloc();
    expect(storage(dir, {}).Binds).toEqual([
      `${dir}/alloc:/alloc`,
      `${dir}/logs:/alloc/logs:ro`,
      `${dir}/web/local:/local`,
      `${dir}/web/secrets:/secrets`,
    ]);
  });

  it('are paths of its alloc without being allowed, others only when they are', () => {
    const dir = alloc();
    expect(
      storage(dir, { volumes: ['local/db:/db:ro', `${dir}/alloc/new/one:/one`] }).Binds.slice(4),
    ).toEqual([`${dir}/web/local/db:/db:ro`, `${dir}/alloc/new/one:/one`]);
    const outside = { volumes: ['/etc:/machine'] };
    const refusal = expect.objectContaining({ code: 'DRIVER_CONFIG_INVALID' });
    expect(() => storage(dir, outside)).toThrow(refusal);
    expect(() => storage(dir, { volumes: ['../../x:/x'] })).toThrow(refusal);
    expect(storage(dir, outside, { volumes: { enabled: true } }).Binds).toContain('/etc:/machine');
  });

  it('are not what a link of the task leads to', () => {
    const dir = alloc();
    symlinkSync('/etc', join(dir, 'web/local/way'));
    symlinkSync('/nowhere-yet', join(dir, 'web/local/later'));
    const refusal = expect.objectContaining({ code: 'DRIVER_CONFIG_INVALID' });
    expect(() => storage(dir, { volumes: ['local/way:/w'] })).toThrow(refusal);
    expect(() => storage(dir, { volumes: ['local/way/sub:/w'] })).toThrow(refusal);
    const failure = expect.objectContaining({ code: 'START_FAILED' });
    expect(() => storage(dir, { volumes: ['local/later:/w'] })).toThrow(failure);
    symlinkSync(join(dir, 'alloc'), join(dir, 'web/local/shared'));
    expect(storage(dir, { volumes: ['local/shared:/s'] }).Binds).toContain(`${dir}/alloc:/s`);
  });

  it('has the label of the operator on every bind', () => {
    const { Binds } = storage(alloc(), {}, { volumes: { selinuxLabel: 'z' } });
    expect(Binds.map((bind) => bind.slice(bind.indexOf(':') + 1))).toEqual([
      '/alloc:z',
      '/alloc/logs:ro,z',
      '/local:z',
      '/secrets:z',
    ]);
  });

  it('are mounts of its settings and of its spec, with propagation, modes and volumes', () => {
    const dir = alloc();
    const mounts = [
      { type: 'bind', source: 'local', target: '/b', bindOptions: { propagation: 'rslave' } },
      { type: 'tmpfs', target: '/t', readonly: true },
      {
        type: 'volume',
        source: 'v',
        target: '/v',
        volumeOptions: { noCopy: true, labels: { a: 'b' } },
      },
    ];
    const spec = [
      { type: 'tmpfs', destination: '/s', readOnly: false, sizeMb: 1, mode: '0700' },
    ] as const;
    expect(storage(dir, { mounts }, {}, { mounts: spec }).Mounts).toEqual([
      {
        Type: 'tmpfs',
        Target: '/s',
        ReadOnly: false,
        TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o700 },
      },
      {
        Type: 'bind',
        Source: `${dir}/web/local`,
        Target: '/b',
        ReadOnly: false,
        BindOptions: { Propagation: 'rslave' },
      },
      { Type: 'tmpfs', Target: '/t', ReadOnly: true, TmpfsOptions: { Mode: 0o1777 } },
      {
        Type: 'volume',
        Source: 'v',
        Target: '/v',
        ReadOnly: false,
        VolumeOptions: { NoCopy: true, Labels: { a: 'b' } },
      },
    ]);
  });

  it('are no volumes that may be any path of the machine, unless that is allowed', () => {
    const driverConfig = { name: 'local', options: { type: 'none', o: 'bind', device: '/' } };
    const mounts = [{ type: 'volume', source: 'v', target: '/v', volumeOptions: { driverConfig } }];
    const refusal = expect.objectContaining({ code: 'DRIVER_CONFIG_INVALID' });
    const dir = alloc();
    expect(() => storage(dir, { mounts })).toThrow(refusal);
    expect(() => storage(dir, { volumeDriver: 'x', volumes: ['v:/v'] })).toThrow(refusal);
    const open = { volumes: { enabled: true } };
    expect(storage(dir, { mounts }, open).Mounts[0]).toMatchObject({
      VolumeOptions: { DriverConfig: { Name: 'local' } },
    });
    expect(storage(dir, { volumeDriver: 'x', volumes: ['v:/v'] }, open)).toMatchObject({
      VolumeDriver: 'x',
      Binds: expect.arrayContaining(['v:/v']),
    });
  });

  it('are devices', () => {
    const devices = [{ hostPath: '/dev/null', containerPath: '/dev/none', cgroupPermissions: 'r' }];
    expect(storage(alloc(), { devices }).Devices).toEqual([
      { PathOnHost: '/dev/null', PathInContainer: '/dev/none', CgroupPermissions: 'r' },
    ]);
  });
});
