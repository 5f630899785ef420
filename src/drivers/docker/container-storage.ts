/**
 * What of the machine a container sees: looked up when it is about to be made. What a task may name is below its alloc;
 * everything else is the operator's to allow, and links are followed before that is asked.
 */
import { lstatSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, sep } from 'node:path';
import { errnoOf, HoldfastError, messageOf } from '../../errors.ts';
import { INSIDE } from '../../spec/env-facts.ts';
import type { TaskMount } from '../../spec/task-spec.ts';
import type { TaskDirs } from '../../hooks/hook.ts';
import type { RunRequest } from '../driver.ts';
import { assertPropagation, PROPAGATIONS } from '../isolated-mounts.ts';
import type { DockerConfig } from './config.ts';
import type { DockerOptions } from './options.ts';
import type { MountWish, VolumeWish } from './storage-config.ts';

/** As the engine has it. */
export interface ContainerStorage {
  /** `SOURCE:TARGET[:OPTIONS]`. */
  readonly Binds: readonly string[];
  readonly Mounts: readonly EngineMount[];
  readonly VolumeDriver?: string;
  readonly Devices?: readonly Readonly<Record<string, string>>[];
}

export interface EngineMount {
  readonly Type: 'bind' | 'volume' | 'tmpfs';
  readonly Target: string;
  readonly ReadOnly: boolean;
  readonly Source?: string;
  readonly BindOptions?: { readonly Propagation: string };
  readonly TmpfsOptions?: { readonly SizeBytes?: number; readonly Mode?: number };
  readonly VolumeOptions?: Readonly<Record<string, unknown>>;
}

type Run = Pick<RunRequest, 'dirs' | 'task'>;

/** Throws DRIVER_CONFIG_INVALID for what is not allowed, START_FAILED for what is not there. */
export function containerStorage(
  { dirs, task }: Run,
  config: DockerConfig,
  options: DockerOptions,
): ContainerStorage {
  const mounts = task.mounts ?? [];
  assertPropagation(mounts, dirs.task);
  const label = options.volumes.selinuxLabel;
  const places = [
    ...ownPlaces(dirs),
    ...config.volumes.map((one) => volume(one, config, dirs, options)),
  ];
  const binds = places.map(({ source, target, flags }) =>
    [source, target, [...flags, ...(label === undefined ? [] : [label])].join(',')]
      .filter((part) => part !== '')
      .join(':'),
  );
  return {
    Binds: binds,
    Mounts: [
      ...mounts.map(mountOfTask),
      ...config.mounts.map((one, index) => mountOfConfig(one, index, dirs, options)),
    ],
    ...(config.volumeDriver !== undefined && { VolumeDriver: config.volumeDriver }),
    ...(config.devices.length > 0 && { Devices: config.devices.map(device) }),
  };
}

interface Place {
  readonly source: string;
  readonly target: string;
  readonly flags: readonly string[];
}

/** At the paths that its variables name, as for every program with a root of its own. */
function ownPlaces({ alloc, local, secrets, logs }: TaskDirs): readonly Place[] {
  return [
    { source: alloc, target: INSIDE.alloc, flags: [] },
    { source: logs, target: `${INSIDE.alloc}/logs`, flags: ['ro'] },
    { source: local, target: INSIDE.local, flags: [] },
    { source: secrets, target: INSIDE.secrets, flags: [] },
  ];
}

function volume(
  { source, target, options: flags }: VolumeWish,
  { volumeDriver }: DockerConfig,
  dirs: TaskDirs,
  options: DockerOptions,
): Place {
  if (volumeDriver !== undefined) {
    assertVolumes(options, `volumeDriver ${volumeDriver}`);
    return { source, target, flags };
  }
  return { source: hostPath(source, dirs, options, 'volumes'), target, flags };
}

function mountOfTask(mount: TaskMount): EngineMount {
  const { destination: target, readOnly } = mount;
  const plain = { Target: target, ReadOnly: readOnly };
  if (mount.type === 'bind') {
    const { source, propagation } = mount;
    assertThere(source, `mount at ${target}`);
    return {
      ...plain,
      Type: 'bind',
      Source: source,
      BindOptions: { Propagation: PROPAGATIONS[propagation] },
    };
  }
  const { sizeMb, mode = '1777' } = mount;
  const size = sizeMb === undefined ? {} : { SizeBytes: sizeMb * 1_048_576 };
  return { ...plain, Type: 'tmpfs', TmpfsOptions: { ...size, Mode: parseInt(mode, 8) } };
}

function mountOfConfig(
  mount: MountWish,
  index: number,
  dirs: TaskDirs,
  options: DockerOptions,
): EngineMount {
  const plain = { Target: mount.target, ReadOnly: mount.readOnly };
  if (mount.type === 'tmpfs') {
    const { sizeBytes, mode = 0o1777 } = mount;
    const size = sizeBytes === undefined ? {} : { SizeBytes: sizeBytes };
    return { ...plain, Type: 'tmpfs', TmpfsOptions: { ...size, Mode: mode } };
  }
  if (mount.type === 'bind') {
    const source = hostPath(mount.source, dirs, options, `mounts[${index}]`);
    assertThere(source, `mount at ${mount.target}`);
    const { propagation = 'rprivate' } = mount;
    return { ...plain, Type: 'bind', Source: source, BindOptions: { Propagation: propagation } };
  }
  const { source, driver, driverOptions, labels, isCopyOff } = mount;
  // With options of its own a volume may be any path of the machine.
  if (driver !== undefined || Object.keys(driverOptions).length > 0) {
    assertVolumes(options, `mounts[${index}].volumeOptions.driverConfig`);
  }
  return {
    ...plain,
    Type: 'volume',
    ...(source !== undefined && { Source: source }),
    VolumeOptions: {
      NoCopy: isCopyOff,
      ...(Object.keys(labels).length > 0 && { Labels: labels }),
      ...(driver !== undefined && { DriverConfig: { Name: driver, Options: driverOptions } }),
    },
  };
}

function device({ hostPath: host, containerPath, permissions }: DockerConfig['devices'][number]) {
  return { PathOnHost: host, PathInContainer: containerPath, CgroupPermissions: permissions };
}

function assertThere(path: string, what: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  throw new HoldfastError('START_FAILED', `${what}: ${path} does not exist`);
}

function assertVolumes({ volumes }: DockerOptions, what: string): void {
  if (volumes.isEnabled) return;
  const text = `config.${what}: this agent does not allow volumes (option volumes.enabled)`;
  const issues = [{ path: what, message: 'needs volumes, which this agent does not allow' }];
  throw new HoldfastError('DRIVER_CONFIG_INVALID', text, { details: { issues } });
}

/** A relative path is one of the task's directory. Given to the engine without links, so that none can change it. */
function hostPath(path: string, dirs: TaskDirs, options: DockerOptions, what: string): string {
  const written = isAbsolute(path) ? path : join(dirs.task, path);
  const real = realPath(written);
  if (real.includes(':')) throw new HoldfastError('START_FAILED', `${real} has a colon in it`);
  const allowed = [dirs.task, dirs.alloc].map(realPath);
  const isOwn = allowed.some((place) => real === place || real.startsWith(`${place}${sep}`));
  if (!isOwn) assertVolumes(options, `${what} of ${path}`);
  return real;
}

/** What is missing the engine makes: what is above it is followed. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw startFailure(path, error);
    const above = dirname(path);
    // A link that leads nowhere now may lead anywhere a moment later.
    const isLink = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    if (above === path || isLink) throw startFailure(path, error);
    return join(realPath(above), path.slice(above.length));
  }
}

function startFailure(path: string, cause: unknown): HoldfastError {
  return new HoldfastError('START_FAILED', `${path}: ${messageOf(cause)}`, { cause });
}
