/** What drivers share whose program has its own root, pids, ipc and capabilities. Needs root, runc and conmon. */
import { chmodSync } from 'node:fs';
import { isAbsolute, join, posix } from 'node:path';
import { HoldfastError } from '../errors.ts';
import { findAccount } from '../os/accounts.ts';
import { assertCapability, machineCapabilities } from '../os/machine-capabilities.ts';
import { ownCapabilities } from '../os/own-capabilities.ts';
import { TaskRoot } from '../os/task-root.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import { DEFAULT_CAPABILITIES, taskCapabilities } from './capabilities.ts';
import { assertOneNetwork, confine, personalEnv } from './confine.ts';
import type { Isolation } from './confinement.ts';
import { assertAllowed, type DeniedIdOptions, type DeniedIds, deniedIds } from './denied-ids.ts';
import type { Driver, Fingerprint, ProgramWish, RunRequest } from './driver.ts';
import type { ExecConfig, NamespaceMode } from './exec-config.ts';
import { findCommand } from './find-command.ts';
import { findIsolatedCommand } from './find-isolated-command.ts';
import { assertPropagation, DEFAULT_CHROOT_ENV, isolatedMounts } from './isolated-mounts.ts';
import { limitCapabilities } from './kernel-limits.ts';
import { assertMountPlaces } from './mount-places.ts';
import { processDriver } from './process-driver.ts';

/** What the operator of an agent decides for all tasks. */
export interface IsolationOptions extends DeniedIdOptions {
  /** Capabilities that tasks may have; Nomad's 13 by default. `all` is understood. */
  readonly allowCapabilities?: readonly string[];
  /** What of the machine every task sees, read-only: host path → path inside. What does not exist is left out. */
  readonly chrootEnv?: Readonly<Record<string, string>>;
  readonly defaultPidMode?: NamespaceMode;
  readonly defaultIpcMode?: NamespaceMode;
}

/** What is different between drivers of isolated programs. */
export interface IsolatedSpec {
  readonly name: string;
  readonly fingerprint: () => Promise<Fingerprint>;
  /** The program and its settings. Throws DRIVER_CONFIG_INVALID. */
  readonly read: (config: TaskSpec['config']) => ExecConfig;
}

/** Throws USAGE for ranges that make no sense. */
export function isolatedDriver(spec: IsolatedSpec, options: IsolationOptions): Driver {
  const { name, fingerprint, read } = spec;
  const denied = deniedIds(options);
  return {
    ...processDriver({
      name,
      fingerprint,
      checkConfig(config) {
        const { capAdd, capDrop } = read(config);
        capabilitiesOf(options, capAdd, capDrop);
      },
      program: (run) => programOf(run, read(run.task.config), options, denied),
    }),
    mounts: 'all',
    networks: 'group',
    userOf: ({ user = DEFAULT_USER }) => user,
    ownEnv: async (task) => ({
      env: personalEnv(await findAccount(task.user ?? DEFAULT_USER), task),
    }),
    rootOf: (task) => (isIsolated(task) ? 'task' : 'machine'),
    checkTask: (task) => assertTask(task, read(task.config)),
  };
}

/** Why nothing can be isolated here; undefined when it can. */
export async function whyNotIsolated(): Promise<string | undefined> {
  if (process.geteuid?.() !== 0) return 'Driver must run as root';
  const all = await machineCapabilities();
  const isolated = all.find(({ name }) => name === 'executor.isolated');
  return isolated?.isAvailable === true ? undefined : (isolated?.reason ?? 'not looked at');
}

/** Throws CAPABILITY_MISSING, or DRIVER_CONFIG_INVALID. */
function assertTask(task: TaskSpec, config: ExecConfig): void {
  assertOneNetwork(task, config);
  if (config.executor === 'universal' && (task.mounts ?? []).length > 0) {
    const text = `task ${task.name}: mounts need the isolated executor`;
    throw new HoldfastError('CAPABILITY_MISSING', text);
  }
  const asked = `task ${task.name}`;
  if (config.executor === 'isolated') assertCapability('executor.isolated', asked);
  if (config.networkNamespace !== undefined) assertCapability('network-namespace', asked);
  for (const name of limitCapabilities(task.resources ?? {})) assertCapability(name, asked);
}

function isIsolated({ config }: TaskSpec): boolean {
  return config['executor'] !== 'universal';
}

function capabilitiesOf(
  { allowCapabilities = DEFAULT_CAPABILITIES }: IsolationOptions,
  add: readonly string[],
  drop: readonly string[],
): readonly string[] {
  return taskCapabilities({ allow: allowCapabilities, add, drop, own: ownCapabilities() });
}

/** Whom tasks run as that do not say: Nomad's default. */
const DEFAULT_USER = 'nobody';

async function programOf(
  run: RunRequest,
  config: ExecConfig,
  options: IsolationOptions,
  denied: DeniedIds,
): Promise<ProgramWish> {
  const { task } = run;
  assertTask(task, config);
  const user = await findAccount(task.user ?? DEFAULT_USER);
  assertAllowed(user, denied);
  const confinement = {
    ...(await confine(run, config, user)),
    capabilities: capabilitiesOf(options, config.capAdd, config.capDrop),
  };
  const env = personalEnv(user, task);
  if (config.executor === 'universal') return { ...universal(run, config), env, confinement };
  const isolation = isolationOf(run, config, options);
  return { ...inside(run, config, isolation), env, confinement: { ...confinement, isolation } };
}

function universal({ dirs, env }: RunRequest, config: ExecConfig): ProgramWish {
  const { command, args, workDir = '' } = config;
  const path = findCommand({ command, taskDir: dirs.task, path: env['PATH'] ?? '' });
  return { command: path, args, cwd: isAbsolute(workDir) ? workDir : join(dirs.task, workDir) };
}

function inside({ dirs, env, task }: RunRequest, config: ExecConfig, at: Isolation): ProgramWish {
  const { command, args, workDir = '' } = config;
  const binds = at.mounts.filter(({ type }) => type === 'bind');
  const path = findIsolatedCommand({
    command,
    root: new TaskRoot(dirs.task, binds),
    mountPoints: (task.mounts ?? []).map(({ destination }) => destination),
    path: env['PATH'] ?? '',
  });
  return { command: path, args, cwd: posix.join('/', workDir) };
}

function isolationOf(
  { dirs, task }: RunRequest,
  config: ExecConfig,
  options: IsolationOptions,
): Isolation {
  const { chrootEnv = DEFAULT_CHROOT_ENV, defaultPidMode, defaultIpcMode } = options;
  const { readOnlyRoot, devices } = config;
  const mounts = task.mounts ?? [];
  const all = isolatedMounts({ chrootEnv, dirs, mounts });
  assertPropagation(mounts, dirs.task);
  assertMountPlaces(dirs.task, all, mounts.length);
  // Whoever the task becomes has to get below its root.
  chmodSync(dirs.task, ROOT_MODE);
  return {
    root: dirs.task,
    readOnlyRoot,
    mounts: all,
    ownPids: (config.pidMode ?? defaultPidMode) !== 'host',
    ownIpc: (config.ipcMode ?? defaultIpcMode) !== 'host',
    devices,
  };
}

const ROOT_MODE = 0o755;
