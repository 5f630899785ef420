/** What the operator of an agent decides about containers, with the defaults of Nomad's docker driver. */
import { HoldfastError } from '../../errors.ts';
import { ConfigReading } from '../config-reading.ts';
import { DEFAULT_CAPABILITIES } from '../capabilities.ts';

/** As it is written; keys may be in snake_case too, as in the configuration of Nomad. */
export interface DockerDriverOptions {
  /** `unix:///PATH` or `tcp://HOST:PORT`. Default: unix:///var/run/docker.sock. */
  readonly endpoint?: string;
  /** Paths of PEM files, for tcp. */
  readonly tls?: { readonly cert?: string; readonly key?: string; readonly ca?: string };
  /** Credentials for pulls: a config.json of docker, or the NAME of a program docker-credential-NAME. */
  readonly auth?: { readonly config?: string; readonly helper?: string };
  readonly gc?: {
    /** Are images removed that no task uses any more? Default true, after `imageDelay` ("3m"). */
    readonly image?: boolean;
    readonly imageDelay?: string;
    /** Are containers removed when their end is recorded? Default true. */
    readonly container?: boolean;
    readonly danglingContainers?: {
      readonly enabled?: boolean;
      readonly period?: string;
      readonly creationGrace?: string;
      readonly dryRun?: boolean;
    };
  };
  /** The most processes that a task may ask for, and what it has that does not ask. */
  readonly pidsLimit?: number;
  /** Of tasks that do not say. Default 0. */
  readonly oomScoreAdj?: number;
  readonly allowPrivileged?: boolean;
  /** Capabilities that tasks may have; Nomad's 13 by default. `all` is understood. */
  readonly allowCaps?: readonly string[];
  readonly allowRuntimes?: readonly string[];
  /** What of the machine's namespaces tasks may share, beside those that are privileged; `*` is understood. */
  readonly allowedModes?: {
    readonly pid?: readonly string[];
    readonly ipc?: readonly string[];
    readonly userns?: readonly string[];
    readonly uts?: readonly string[];
  };
  /** May tasks mount paths of the machine outside of their alloc? Default no. The label is `z` or `Z`. */
  readonly volumes?: { readonly enabled?: boolean; readonly selinuxLabel?: string };
  readonly imagePullTimeout?: string;
  readonly pullActivityTimeout?: string;
  /** How often a container is looked for whose name is taken. Default 5. */
  readonly containerExistsAttempts?: number;
  /** Which of the labels `node`, `job`, `group`, `alloc` and `task` containers carry; `*` is understood. */
  readonly extraLabels?: readonly string[];
  /** How the engine keeps what tasks write that do not say. Default json-file, two files of 2 MB. */
  readonly logging?: { readonly type?: string; readonly config?: Readonly<Record<string, string>> };
  /** Nothing of what containers write is collected. */
  readonly disableLogCollection?: boolean;
}

export type NamespaceKind = 'pid' | 'ipc' | 'userns' | 'uts';

/** With every default applied. Times in milliseconds. */
export interface DockerOptions {
  readonly endpoint: string;
  readonly tls: { readonly cert?: string; readonly key?: string; readonly ca?: string } | undefined;
  readonly auth: { readonly config?: string; readonly helper?: string };
  readonly gc: {
    readonly isImageOn: boolean;
    readonly imageDelayMs: number;
    readonly isContainerOn: boolean;
    readonly dangling: {
      readonly isOn: boolean;
      readonly periodMs: number;
      readonly creationGraceMs: number;
      readonly isDryRun: boolean;
    };
  };
  readonly pidsLimit: number | undefined;
  readonly oomScoreAdj: number;
  readonly isPrivilegedAllowed: boolean;
  readonly allowCaps: readonly string[];
  readonly allowRuntimes: readonly string[];
  readonly allowedModes: Readonly<Record<NamespaceKind, readonly string[]>>;
  readonly volumes: { readonly isEnabled: boolean; readonly selinuxLabel: string | undefined };
  readonly imagePullTimeoutMs: number;
  readonly pullActivityTimeoutMs: number;
  readonly containerExistsAttempts: number;
  readonly extraLabels: readonly string[];
  readonly logging: { readonly type: string; readonly config: Readonly<Record<string, string>> };
  readonly isLogCollectionOff: boolean;
}

const MINUTE_MS = 60_000;

/** Throws USAGE with `details.issues`. */
export function readDockerOptions(options: DockerDriverOptions = {}): DockerOptions {
  const reading = new ConfigReading('docker', options as Readonly<Record<string, unknown>>);
  const read = readAll(reading);
  try {
    reading.end();
  } catch (error) {
    if (!HoldfastError.is(error)) throw error;
    const text = `options of driver docker: ${error.message}`;
    const details = { ...error.details, driver: 'docker' };
    throw new HoldfastError('USAGE', text, { cause: error, details });
  }
  return read;
}

function readAll(reading: ConfigReading): DockerOptions {
  const [tls, auth, volumes] = ['tls', 'auth', 'volumes'].map((name) => reading.section(name));
  const caps = reading.texts('allowCaps');
  const runtimes = reading.texts('allowRuntimes');
  const score = reading.wholeNumber('oomScoreAdj', -1_000, 1_000);
  return {
    endpoint: readEndpoint(reading),
    tls: tls && textsOf(tls, ['cert', 'key', 'ca']),
    auth: auth === undefined ? {} : (textsOf(auth, ['config', 'helper']) ?? {}),
    gc: readGc(reading.section('gc')),
    pidsLimit: reading.wholeNumber('pidsLimit', 0, 4_194_304) || undefined,
    oomScoreAdj: score ?? 0,
    isPrivilegedAllowed: reading.isOn('allowPrivileged'),
    allowCaps: caps.length === 0 ? DEFAULT_CAPABILITIES : caps,
    allowRuntimes: runtimes.length === 0 ? ['runc', 'nvidia'] : runtimes,
    allowedModes: readModes(reading.section('allowedModes')),
    volumes: {
      isEnabled: volumes?.isOn('enabled') === true,
      selinuxLabel: volumes?.oneOf('selinuxLabel', ['z', 'Z']),
    },
    imagePullTimeoutMs: reading.durationMs('imagePullTimeout') ?? 5 * MINUTE_MS,
    pullActivityTimeoutMs: reading.durationMs('pullActivityTimeout', MINUTE_MS) ?? 2 * MINUTE_MS,
    containerExistsAttempts: reading.wholeNumber('containerExistsAttempts', 1, 100) ?? 5,
    extraLabels: reading.texts('extraLabels'),
    logging: readLogging(reading.section('logging')),
    isLogCollectionOff: reading.isOn('disableLogCollection'),
  };
}

function readEndpoint(reading: ConfigReading): string {
  const endpoint = reading.text('endpoint', 'unix:///PATH or tcp://HOST:PORT');
  if (endpoint === undefined) return 'unix:///var/run/docker.sock';
  if (!/^(?:unix:\/\/\/.+|tcp:\/\/[^/]+:\d+)$/.test(endpoint)) {
    reading.wrong('endpoint', 'must be unix:///PATH or tcp://HOST:PORT');
  }
  return endpoint;
}

/** Undefined when none of them is there. */
function textsOf(
  section: ConfigReading,
  names: readonly string[],
): Readonly<Record<string, string>> | undefined {
  const found = names.flatMap((name) => {
    const text = section.text(name, 'a text');
    return text === undefined ? [] : [[name, text] as const];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function readGc(gc: ConfigReading): DockerOptions['gc'] {
  const dangling = gc.section('danglingContainers');
  return {
    isImageOn: gc.truth('image') ?? true,
    imageDelayMs: gc.durationMs('imageDelay') ?? 3 * MINUTE_MS,
    isContainerOn: gc.truth('container') ?? true,
    dangling: {
      isOn: dangling.truth('enabled') ?? true,
      periodMs: dangling.durationMs('period') ?? 5 * MINUTE_MS,
      creationGraceMs: dangling.durationMs('creationGrace', MINUTE_MS) ?? 5 * MINUTE_MS,
      isDryRun: dangling.isOn('dryRun'),
    },
  };
}

function readModes(modes: ConfigReading): DockerOptions['allowedModes'] {
  const [pid, ipc, userns, uts] = (['pid', 'ipc', 'userns', 'uts'] as const).map((kind) =>
    modes.texts(kind),
  );
  return { pid: pid ?? [], ipc: ipc ?? [], userns: userns ?? [], uts: uts ?? [] };
}

/** The engine's own file is only what has not been collected yet: capped. */
const LOG_FILE = { 'max-file': '2', 'max-size': '2m' };

function readLogging(logging: ConfigReading): DockerOptions['logging'] {
  const type = logging.text('type', 'a log driver of the engine') ?? 'json-file';
  const config = logging.textMap('config');
  const isCapped = type === 'json-file' || type === 'local';
  return { type, config: isCapped ? { ...LOG_FILE, ...config } : config };
}
