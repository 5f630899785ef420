/** The settings of a task of driver `docker`: the names of Nomad's driver, each read by the file of its subject. */
import { ConfigReading } from '../config-reading.ts';
import { type LimitConfig, readLimits } from './limits-config.ts';
import { type NetworkConfig, readNetwork } from './network-config.ts';
import { readSecurity, type SecurityConfig } from './security-config.ts';
import { readStorage, type StorageConfig } from './storage-config.ts';

/** Where the image comes from. Times in milliseconds. */
export interface ImageConfig {
  readonly image: string;
  /** A tar in the task's directory that the image is loaded from. */
  readonly load: string | undefined;
  readonly forcePull: boolean;
  readonly imagePullTimeoutMs: number | undefined;
  readonly auth: RegistryAuth | undefined;
  /** Without credentials it is tried all the same. */
  readonly authSoftFail: boolean;
}

export interface RegistryAuth {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly email: string | undefined;
  readonly serverAddress: string | undefined;
}

export interface ProgramConfig {
  readonly command: string | undefined;
  readonly args: readonly string[];
  readonly entrypoint: readonly string[] | undefined;
  /** Absolute path inside. */
  readonly workDir: string | undefined;
  readonly init: boolean;
  readonly interactive: boolean;
  readonly tty: boolean;
  readonly hostname: string | undefined;
  readonly isHealthcheckOff: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly logging: LoggingConfig | undefined;
  readonly containerExistsAttempts: number | undefined;
}

export interface LoggingConfig {
  readonly type: string;
  readonly config: Readonly<Record<string, string>>;
}

export interface DockerConfig
  extends ImageConfig, ProgramConfig, LimitConfig, NetworkConfig, SecurityConfig, StorageConfig {}

/** Throws DRIVER_CONFIG_INVALID with every mistake by its path in `details.issues`. */
export function readDockerConfig(config: Readonly<Record<string, unknown>>): DockerConfig {
  const reading = new ConfigReading('docker', config);
  const read: DockerConfig = {
    ...readImage(reading),
    ...readProgram(reading),
    ...readLimits(reading),
    ...readNetwork(reading),
    ...readSecurity(reading),
    ...readStorage(reading),
  };
  reading.end();
  return read;
}

function readImage(reading: ConfigReading): ImageConfig {
  const auth = reading.section('auth');
  const [username, password, email, serverAddress] = [
    'username',
    'password',
    'email',
    'serverAddress',
  ].map((name) => auth.text(name, 'a text'));
  const hasAuth = username !== undefined || password !== undefined;
  const image = reading.required('image', 'the name of an image');
  if (/\s/.test(image)) reading.wrong('image', 'must be the name of an image, without blanks');
  return {
    // Nomad's users write where it comes from as an address.
    image: image.replace(/^https?:\/\//, ''),
    load: reading.text('load', "a path in the task's directory"),
    forcePull: reading.isOn('forcePull'),
    imagePullTimeoutMs: reading.durationMs('imagePullTimeout'),
    auth: hasAuth ? { username, password, email, serverAddress } : undefined,
    authSoftFail: reading.isOn('authSoftFail'),
  };
}

function readProgram(reading: ConfigReading): ProgramConfig {
  const healthchecks = reading.section('healthchecks');
  const workDir = reading.text('workDir', 'an absolute path');
  if (workDir?.startsWith('/') === false) reading.wrong('workDir', 'must be an absolute path');
  return {
    command: reading.text('command', 'a program name or path'),
    args: reading.texts('args'),
    entrypoint: readEntrypoint(reading),
    workDir,
    init: reading.isOn('init'),
    interactive: reading.isOn('interactive'),
    tty: reading.isOn('tty'),
    hostname: reading.text('hostname', 'a host name'),
    isHealthcheckOff: healthchecks.isOn('disable'),
    labels: readLabels(reading),
    logging: readLogging(reading),
    containerExistsAttempts: reading.wholeNumber('containerExistsAttempts', 1, 100),
  };
}

/** An empty list takes the image's away. */
function readEntrypoint(reading: ConfigReading): readonly string[] | undefined {
  const value = reading.any('entrypoint');
  return value === undefined ? undefined : reading.texts('entrypoint');
}

/** By these a container is known to be ours. */
export const OWN_LABELS = 'dev.holdfast.';

function readLabels(reading: ConfigReading): Readonly<Record<string, string>> {
  const labels = reading.textMap('labels');
  for (const name of Object.keys(labels)) {
    if (name.startsWith(OWN_LABELS)) reading.wrong(`labels.${name}`, 'is a label of this agent');
  }
  return labels;
}

function readLogging(reading: ConfigReading): LoggingConfig | undefined {
  if (reading.any('logging') === undefined) return undefined;
  const logging = reading.section('logging');
  const type = logging.text('type', 'a log driver of the engine');
  const driver = logging.text('driver', 'a log driver of the engine');
  if (type !== undefined && driver !== undefined && type !== driver) {
    logging.wrong('driver', 'is another word for type, which says something else');
  }
  return { type: type ?? driver ?? 'json-file', config: logging.textMap('config') };
}
