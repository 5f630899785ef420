/** From a launch to the configuration of an OCI container, runtime specification 1.0.2: pure, every fact handed in. */
import type {
  Capabilities,
  Confinement,
  Isolation,
  LaunchRequest,
  Mount,
} from '../../rpc/gen/holdfast/executor/v1/executor.ts';

/** What a device of the machine is. */
export interface DeviceNode {
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface OciConfig {
  readonly ociVersion: string;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly process: Readonly<Record<string, unknown>>;
  readonly hostname?: string;
  readonly mounts: readonly OciMount[];
  readonly linux: {
    readonly cgroupsPath: string;
    readonly namespaces: readonly { readonly type: string; readonly path?: string }[];
    readonly resources: { readonly devices: readonly Readonly<Record<string, unknown>>[] };
    readonly devices: readonly Readonly<Record<string, unknown>>[];
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
    readonly rootfsPropagation: string;
  };
}

/** What a shell would have set; programs that want another one set it. */
const UMASK = 0o022;

/** Nomad's lists (its libcontainer executor), and what of the machine's users Docker masks besides. */
const MASKED = ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'];
const READ_ONLY = ['/proc/sys', '/proc/sysrq-trigger', '/proc/irq', '/proc/bus'];

/**
 * `request` must have a confinement with an isolation and a cgroup; `devices` says what the isolation's devices are, in
 * the same order. The limits are not in it: the host makes the cgroup with them for every run, and runc joins it.
 */
export function ociConfig(request: LaunchRequest, devices: readonly DeviceNode[]): OciConfig {
  const { confinement } = request;
  const hostname = confinement?.hostname;
  const isolation = confinement?.isolation;
  if (confinement === undefined || isolation === undefined || confinement.cgroup === '') {
    throw new TypeError('only what is isolated and has a cgroup becomes a container');
  }
  return {
    ociVersion: '1.0.2',
    root: { path: isolation.root, readonly: isolation.readOnlyRoot },
    process: processOf(request, confinement),
    ...(hostname === undefined ? {} : { hostname }),
    mounts: [...kernelMounts(isolation), ...isolation.mounts.map(taskMount)],
    linux: {
      cgroupsPath: confinement.cgroup,
      namespaces: namespacesOf(confinement, isolation),
      resources: { devices: deviceRules(isolation, devices) },
      devices: isolation.devices.map(({ path }, index) => ({ path, ...devices[index] })),
      maskedPaths: MASKED,
      readonlyPaths: READ_ONLY,
      rootfsPropagation: rootPropagation(isolation.mounts),
    },
  };
}

/** The program of a container, or a command beside it. */
export function processOf(
  request: Pick<LaunchRequest, 'command' | 'args' | 'env' | 'cwd' | 'mark'>,
  confinement: Confinement,
): Readonly<Record<string, unknown>> {
  const { user, capabilities, resourceLimits, oomScoreAdj, noNewPrivileges } = confinement;
  const { uid = 0, gid = 0, groups = [] } = user ?? {};
  const env = { ...request.env, HOLDFAST_MARK: request.mark };
  return {
    terminal: false,
    user: { uid, gid, additionalGids: groups, umask: UMASK },
    args: [request.command, ...request.args],
    env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    cwd: request.cwd,
    capabilities: capabilitySets(uid, capabilities),
    rlimits: resourceLimits.map(({ name, soft, hard }) => ({
      type: `RLIMIT_${name.toUpperCase()}`,
      soft: limitNumber(soft),
      hard: limitNumber(hard),
    })),
    ...(oomScoreAdj === undefined ? {} : { oomScoreAdj }),
    noNewPrivileges,
  };
}

/**
 * Root has what is permitted by executing anything; whoever is not root loses everything by that, unless it is ambient,
 * and nothing can be ambient that is not inheritable.
 */
function capabilitySets(uid: number, wish: Capabilities | undefined): object {
  const keep = wish?.keep ?? [];
  const passedOn = uid === 0 ? [] : keep;
  return {
    bounding: keep,
    effective: keep,
    permitted: keep,
    inheritable: passedOn,
    ambient: passedOn,
  };
}

/** RLIM_INFINITY, which is more than a number of ours can say. */
const UNLIMITED = '18446744073709551615';

function limitNumber(text: string): unknown {
  return rawJson(text === '' ? UNLIMITED : text);
}

/** Digits that stay what they are in JSON, however many. */
function rawJson(digits: string): unknown {
  return (JSON as unknown as { rawJSON: (text: string) => unknown }).rawJSON(digits);
}

function namespacesOf(
  { networkNamespace, hostname }: Confinement,
  { ownPids, ownIpc }: Isolation,
): OciConfig['linux']['namespaces'] {
  return [
    { type: 'mount' },
    ...(ownPids ? [{ type: 'pid' }] : []),
    ...(ownIpc ? [{ type: 'ipc' }] : []),
    ...(networkNamespace === '' ? [] : [{ type: 'network', path: networkNamespace }]),
    ...(hostname === undefined ? [] : [{ type: 'uts' }]),
  ];
}

/** What every program expects of a Linux, as Nomad's executor and runc's example mount it. */
function kernelMounts({ ownIpc }: Isolation): readonly OciMount[] {
  const mount = (destination: string, type: string, options: readonly string[] = []): OciMount => ({
    destination,
    type,
    source: type,
    options,
  });
  return [
    mount('/proc', 'proc', ['nosuid', 'noexec', 'nodev']),
    mount('/dev', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
    mount('/dev/pts', 'devpts', DEVPTS),
    ownIpc
      ? mount('/dev/shm', 'tmpfs', ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'])
      : SHARED_MEMORY,
    // A file system of the ipc namespace, whichever that is.
    mount('/dev/mqueue', 'mqueue', ['nosuid', 'noexec', 'nodev']),
    mount('/sys', 'sysfs', ['nosuid', 'noexec', 'nodev', 'ro']),
  ];
}

/** Who shares the machine's ipc finds the machine's names of shared memory. */
const SHARED_MEMORY: OciMount = {
  destination: '/dev/shm',
  type: 'bind',
  source: '/dev/shm',
  options: ['rbind', 'rprivate', 'nosuid', 'noexec', 'nodev'],
};

const DEVPTS = ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'];

function taskMount({ type, source, destination, options }: Mount): OciMount {
  return { destination, type, source, options };
}

/** The strongest that a mount asks for: what is mounted below a root that receives nothing receives nothing. */
function rootPropagation(mounts: readonly Mount[]): string {
  const isAsked = (word: string): boolean => mounts.some(({ options }) => options.includes(word));
  if (isAsked('rshared')) return 'rshared';
  return isAsked('rslave') ? 'rslave' : 'rprivate';
}

/** Nothing but what runc always allows (null, zero, random, tty …) and what was asked for. */
function deviceRules(
  isolation: Isolation,
  devices: readonly DeviceNode[],
): OciConfig['linux']['resources']['devices'] {
  const rules = isolation.devices.map(({ permissions }, index) => {
    const { type, major, minor } = devices[index] ?? {};
    return { allow: true, type, major, minor, access: permissions };
  });
  return [{ allow: false, access: 'rwm' }, ...rules];
}
