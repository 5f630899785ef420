/** The settings of a task of driver `exec`. */
import { readCapabilities } from './capabilities.ts';
import { ConfigReading, isPlainText } from './config-reading.ts';
import { type ProcessSettings, readProcessSettings } from './confine.ts';
import type { IsolatedDevice } from './confinement.ts';

export interface ExecConfig extends ProcessSettings {
  readonly command: string;
  readonly args: readonly string[];
  /** Relative to the task's root, or directory, which is the default. */
  readonly workDir: string | undefined;
  readonly executor: 'isolated' | 'universal';
  readonly pidMode: NamespaceMode | undefined;
  readonly ipcMode: NamespaceMode | undefined;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly devices: readonly IsolatedDevice[];
  readonly readOnlyRoot: boolean;
}

export type NamespaceMode = 'private' | 'host';
const MODES = ['private', 'host'] as const;

/** Throws DRIVER_CONFIG_INVALID. */
export function readExecConfig(config: Readonly<Record<string, unknown>>): ExecConfig {
  const reading = new ConfigReading('exec', config);
  const command = reading.required('command', 'a program name or path');
  return readIsolated(reading, { command, args: reading.texts('args') });
}

/** All else that a config may say of an isolated program; nothing is read after. Throws DRIVER_CONFIG_INVALID. */
export function readIsolated(
  reading: ConfigReading,
  { command, args }: Pick<ExecConfig, 'command' | 'args'>,
): ExecConfig {
  const workDir = reading.text('workDir', 'a path');
  const executor = reading.oneOf('executor', ['auto', 'universal', 'isolated']);
  const read: ExecConfig = {
    command,
    args,
    workDir,
    executor: executor === 'universal' ? 'universal' : 'isolated',
    pidMode: reading.oneOf('pidMode', MODES),
    ipcMode: reading.oneOf('ipcMode', MODES),
    capAdd: readCapabilities(reading, 'capAdd'),
    capDrop: readCapabilities(reading, 'capDrop'),
    devices: readDevices(reading),
    ...readProcessSettings(reading),
    readOnlyRoot: reading.isOn('readOnlyRoot'),
  };
  if (read.executor === 'universal') refuseRootOnly(reading, read);
  reading.end();
  return read;
}

/** Nothing that is asked for may be left out silently. */
function refuseRootOnly(reading: ConfigReading, config: ExecConfig): void {
  const { pidMode, ipcMode, devices, readOnlyRoot } = config;
  const wishes = {
    pidMode: pidMode === 'private',
    ipcMode: ipcMode === 'private',
    devices: devices.length > 0,
    readOnlyRoot,
  };
  for (const [name, isAsked] of Object.entries(wishes)) {
    if (isAsked) reading.wrong(name, 'needs the isolated executor');
  }
}

/** `devices: [{ source: /dev/fuse, path: /dev/fuse, permissions: rw }]`; what is left out is as on the machine. */
function readDevices(reading: ConfigReading): readonly IsolatedDevice[] {
  const list = reading.any('devices') ?? [];
  if (!Array.isArray(list)) {
    reading.wrong('devices', 'must be a list such as [{ source: /dev/fuse }]');
    return [];
  }
  return list.flatMap((entry: unknown, index): IsolatedDevice[] => {
    const device = deviceOf(entry);
    if (typeof device !== 'string') return [device];
    reading.wrong(`devices[${index}]`, device);
    return [];
  });
}

function deviceOf(entry: unknown): IsolatedDevice | string {
  if (typeof entry !== 'object' || entry === null) return 'must be a map with a source';
  const wish = entry as Readonly<Record<string, unknown>>;
  const stranger = Object.keys(wish).find((key) => !DEVICE_KEYS.includes(key));
  if (stranger !== undefined) return `has no setting ${stranger} (${DEVICE_KEYS.join(', ')})`;
  const { source, path = source, permissions = 'rwm' } = wish;
  const isPath = (value: unknown): value is string => isPlainText(value) && value.startsWith('/');
  if (!isPath(source) || !isPath(path)) return 'must have absolute paths as source and path';
  if (!isPlainText(permissions) || !/^(?!.*(.).*\1)[rwm]{1,3}$/.test(permissions)) {
    return 'must have permissions of "rwm"';
  }
  return { source, path, permissions };
}

const DEVICE_KEYS = ['source', 'path', 'permissions'];
