import { describe, expect, it } from 'vitest';
import {
  type DeviceNode,
  ociConfig,
  type OciConfig,
} from '../../src/processes/executor-host/oci-config.ts';
import type {
  Confinement,
  Isolation,
  LaunchRequest,
} from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';

const isolation: Isolation = {
  root: '/allocs/a/web',
  readOnlyRoot: false,
  mounts: [],
  ownPids: true,
  ownIpc: true,
  devices: [],
};

const confinement: Confinement = {
  user: { uid: 65_534, gid: 65_533, groups: [7, 65_533] },
  cgroup: '/holdfast/i1/key',
  limits: undefined,
  resourceLimits: [],
  oomScoreAdj: undefined,
  noNewPrivileges: false,
  networkNamespace: '',
  capabilities: { keep: ['CAP_CHOWN', 'CAP_KILL'] },
  isolation,
};

function request(
  changes: Partial<Confinement> = {},
  inside: Partial<Isolation> = {},
): LaunchRequest {
  return {
    agentEpoch: 1,
    launchKey: 'key',
    token: 'secret-token',
    mark: 'i1:key',
    allocId: 'a',
    task: 'web',
    run: 1,
    specHash: 'h',
    command: '/bin/web',
    args: ['--port', '80'],
    env: { 'A.B': '1', EMPTY: '' },
    cwd: '/',
    stdoutFifo: '/out',
    stderrFifo: '/err',
    collect: undefined,
    confinement: { ...confinement, ...changes, isolation: { ...isolation, ...inside } },
  };
}

/** As runc reads it. */
function read(asked: LaunchRequest, ...devices: DeviceNode[]): OciConfig {
  return JSON.parse(JSON.stringify(ociConfig(asked, devices))) as OciConfig;
}

describe('the configuration of a container', () => {
  it('is the program with its words, its whole environment and its mark, and not the token', () => {
    const { process, root, linux } = read(request());
    expect(process).toMatchObject({
      terminal: false,
      args: ['/bin/web', '--port', '80'],
      env: ['A.B=1', 'EMPTY=', 'HOLDFAST_MARK=i1:key'],
      cwd: '/',
      user: { uid: 65_534, gid: 65_533, additionalGids: [7, 65_533], umask: 0o022 },
      noNewPrivileges: false,
    });
    expect(process).not.toHaveProperty('oomScoreAdj');
    expect(root).toEqual({ path: '/allocs/a/web', readonly: false });
    expect(linux.cgroupsPath).toBe('/holdfast/i1/key');
    expect(JSON.stringify(read(request()))).not.toContain('secret-token');
  });

  it.each([
    ['root', 0, []],
    ['somebody else', 65_534, ['CAP_CHOWN', 'CAP_KILL']],
  ])('gives %s its capabilities so that they last', (_who, uid, passedOn) => {
    const keep = ['CAP_CHOWN', 'CAP_KILL'];
    const asked = request({ user: { uid, gid: 0, groups: [] } });
    expect(read(asked).process['capabilities']).toEqual({
      bounding: keep,
      effective: keep,
      permitted: keep,
      inheritable: passedOn,
      ambient: passedOn,
    });
  });

  it('says limits of resources with all their digits', () => {
    const resourceLimits = [
      { name: 'nofile', soft: '1024', hard: '' },
      { name: 'fsize', soft: '9007199254740993', hard: '9007199254740993' },
    ];
    const text = JSON.stringify(ociConfig(request({ resourceLimits, oomScoreAdj: 5 }), []));
    expect(text).toContain('{"type":"RLIMIT_NOFILE","soft":1024,"hard":18446744073709551615}');
    expect(text).toContain('"soft":9007199254740993,"hard":9007199254740993');
    expect(text).toContain('"oomScoreAdj":5');
  });

  it.each([
    [{}, {}, ['mount', 'pid', 'ipc']],
    [{}, { ownPids: false }, ['mount', 'ipc']],
    [{}, { ownPids: false, ownIpc: false }, ['mount']],
    [{ networkNamespace: '/run/netns/x' }, {}, ['mount', 'pid', 'ipc', 'network']],
    [{ hostname: 'web' }, {}, ['mount', 'pid', 'ipc', 'uts']],
  ])('has the namespaces that were asked for: %j %j', (changes, inside, types) => {
    const { namespaces } = read(request(changes, inside)).linux;
    expect(namespaces.map(({ type }) => type)).toEqual(types);
  });

  it('shares the memory of the machine with who shares its ipc', () => {
    const shm = (ownIpc: boolean): unknown =>
      read(request({}, { ownIpc })).mounts.find(({ destination }) => destination === '/dev/shm');
    expect(shm(true)).toMatchObject({ type: 'tmpfs' });
    expect(shm(false)).toMatchObject({ type: 'bind', source: '/dev/shm' });
  });

  it.each([
    [[], 'rprivate'],
    [['rprivate'], 'rprivate'],
    [['rprivate', 'rslave'], 'rslave'],
    [['rslave', 'rshared', 'rprivate'], 'rshared'],
  ])('has a root that passes on what its mounts %j need', (options, propagation) => {
    const mounts = options.map((option, index) => ({
      type: 'bind',
      source: '/srv',
      destination: `/m${index}`,
      options: ['rbind', option],
    }));
    const { linux, mounts: made } = read(request({}, { mounts }));
    expect(linux.rootfsPropagation).toBe(propagation);
    expect(made.slice(made.length - mounts.length)).toEqual(mounts);
  });

  it('allows the devices that were given and no others', () => {
    const devices = [{ source: '/dev/fuse', path: '/dev/fuse', permissions: 'rw' }];
    const node = { type: 'c', major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 } as const;
    const { linux } = read(request({}, { devices }), node);
    expect(linux.devices).toEqual([{ path: '/dev/fuse', ...node }]);
    expect(linux.resources).toEqual({
      devices: [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
      ],
    });
  });

  it('is refused to what is not isolated or has no cgroup', () => {
    expect(() => ociConfig(request({ cgroup: '' }), [])).toThrow('has a cgroup');
  });
});
