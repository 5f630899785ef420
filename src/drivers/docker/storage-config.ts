/** What of the machine and of the engine a container sees as files. */
import type { ConfigReading } from '../config-reading.ts';

/** A `volumes` entry, `SOURCE:TARGET[:OPTIONS]`. */
export interface VolumeWish {
  readonly source: string;
  readonly target: string;
  /** `ro`, `rslave`, `nocopy` … as the engine has them. */
  readonly options: readonly string[];
}

export type MountWish =
  | {
      readonly type: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly propagation: string | undefined;
    }
  | {
      readonly type: 'tmpfs';
      readonly target: string;
      readonly readOnly: boolean;
      readonly sizeBytes: number | undefined;
      /** As a number, 0o1777 by default. */
      readonly mode: number | undefined;
    }
  | {
      readonly type: 'volume';
      /** Left out: one without a name. */
      readonly source: string | undefined;
      readonly target: string;
      readonly readOnly: boolean;
      readonly isCopyOff: boolean;
      readonly labels: Readonly<Record<string, string>>;
      readonly driver: string | undefined;
      readonly driverOptions: Readonly<Record<string, string>>;
    };

export interface DeviceWish {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Of `rwm`. */
  readonly permissions: string;
}

export interface StorageConfig {
  readonly volumes: readonly VolumeWish[];
  /** `volumes` are names of volumes of this driver. */
  readonly volumeDriver: string | undefined;
  readonly mounts: readonly MountWish[];
  readonly devices: readonly DeviceWish[];
  readonly storageOpt: Readonly<Record<string, string>>;
}

export function readStorage(reading: ConfigReading): StorageConfig {
  const mounts = ['mounts', 'mount'].flatMap((name) => reading.sections(name));
  return {
    volumes: readVolumes(reading),
    volumeDriver: reading.text('volumeDriver', 'the name of a volume driver'),
    mounts: mounts.map(readMount),
    devices: reading.sections('devices').map(readDevice),
    storageOpt: reading.textMap('storageOpt'),
  };
}

function readVolumes(reading: ConfigReading): readonly VolumeWish[] {
  return reading.texts('volumes').flatMap((text, index): VolumeWish[] => {
    const [source = '', target = '', options, ...more] = text.split(':');
    if (source !== '' && target.startsWith('/') && more.length === 0) {
      return [{ source, target, options: options?.split(',') ?? [] }];
    }
    const form = 'must be SOURCE:TARGET or SOURCE:TARGET:OPTIONS with an absolute TARGET';
    reading.wrong(`volumes[${index}]`, form);
    return [];
  });
}

const PROPAGATIONS = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'] as const;

function readMount(entry: ConfigReading): MountWish {
  const type = entry.oneOf('type', ['bind', 'volume', 'tmpfs']) ?? 'volume';
  const source = entry.text('source', 'a path or a name');
  const target = readPlace(entry, 'target');
  const readOnly = entry.isOn('readonly');
  const propagation = entry.section('bindOptions').oneOf('propagation', PROPAGATIONS);
  const tmpfs = entry.section('tmpfsOptions');
  const sizeBytes = tmpfs.wholeNumber('size', 0, Number.MAX_SAFE_INTEGER);
  const mode = readMode(tmpfs);
  const volume = entry.section('volumeOptions');
  const driver = volume.section('driverConfig');
  const of = {
    isCopyOff: volume.isOn('noCopy'),
    labels: volume.textMap('labels'),
    driver: driver.text('name', 'the name of a volume driver'),
    driverOptions: driver.textMap('options'),
  };
  const strange = {
    bindOptions: type !== 'bind' && propagation !== undefined,
    tmpfsOptions: type !== 'tmpfs' && (sizeBytes !== undefined || mode !== undefined),
    source: type === 'tmpfs' && source !== undefined,
  };
  for (const [name, isThere] of Object.entries(strange)) {
    if (isThere) entry.wrong(name, `is not for a mount of type ${type}`);
  }
  if (type === 'tmpfs') return { type, target, readOnly, sizeBytes, mode };
  if (type === 'volume') return { type, source, target, readOnly, ...of };
  if (source === undefined) entry.wrong('source', 'is required for a mount of type bind');
  return { type, source: source ?? '', target, readOnly, propagation };
}

function readPlace(entry: ConfigReading, name: string): string {
  const path = entry.required(name, 'an absolute path');
  if (path !== '' && !path.startsWith('/')) entry.wrong(name, 'must be an absolute path');
  return path;
}

/** An octal text, or the number itself as in Nomad. */
function readMode(tmpfs: ConfigReading): number | undefined {
  const value = tmpfs.any('mode');
  if (value === undefined) return undefined;
  const mode = typeof value === 'string' && /^[0-7]{3,4}$/.test(value) ? parseInt(value, 8) : value;
  if (Number.isSafeInteger(mode) && Number(mode) >= 0 && Number(mode) <= 0o7777) {
    return Number(mode);
  }
  return tmpfs.wrong('mode', 'must be octal, such as "1777"');
}

function readDevice(entry: ConfigReading): DeviceWish {
  const hostPath = readPlace(entry, 'hostPath');
  const containerPath = entry.text('containerPath', 'an absolute path') ?? hostPath;
  if (!containerPath.startsWith('/')) entry.wrong('containerPath', 'must be an absolute path');
  const permissions = entry.text('cgroupPermissions', 'made of "rwm"') ?? 'rwm';
  if (!/^(?!.*(.).*\1)[rwm]{1,3}$/.test(permissions)) {
    entry.wrong('cgroupPermissions', 'must be made of "rwm"');
  }
  return { hostPath, containerPath, permissions };
}
