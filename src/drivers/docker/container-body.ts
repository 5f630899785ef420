/** What the engine is asked to create, from what the task and the operator say. Pure: paths were looked up before. */
import { DEFAULT_PATH } from '../../spec/env-layers.ts';
import { nameMatcher } from '../../spec/name-globs.ts';
import type { AssignedPort } from '../../spec/network-spec.ts';
import type { RunRequest } from '../driver.ts';
import { type DockerConfig, OWN_LABELS } from './config.ts';
import { containerLimits } from './container-limits.ts';
import { containerNetwork } from './container-network.ts';
import type { DockerOptions } from './options.ts';
import type { ContainerStorage } from './container-storage.ts';

export interface ContainerWish {
  readonly run: RunRequest;
  readonly config: DockerConfig;
  readonly options: DockerOptions;
  readonly instanceId: string;
  /** What the engine calls the image: its id, so that no tag can change under the run. */
  readonly imageId: string;
  /** Of the machine, that the group has. */
  readonly ports: readonly AssignedPort[];
  readonly storage: ContainerStorage;
  /** `CAP_CHOWN`, …: all that the program may ever have. */
  readonly capabilities: readonly string[];
  /** node, job, group, alloc, task. */
  readonly labels: Readonly<Record<string, string>>;
  /** The container whose network it joins. */
  readonly joined?: string;
}

export type ContainerBody = Readonly<Record<string, unknown>>;

export function containerName(launchKey: string): string {
  return `holdfast-${launchKey}`;
}

/** All of them match, or a container is none of ours. */
export function ownLabels(
  run: Pick<RunRequest, 'allocId' | 'task' | 'run' | 'mark'>,
  instanceId: string,
): Readonly<Record<string, string>> {
  return {
    [`${OWN_LABELS}instance`]: instanceId,
    [`${OWN_LABELS}mark`]: run.mark,
    [`${OWN_LABELS}alloc`]: run.allocId,
    [`${OWN_LABELS}task`]: run.task.name,
    [`${OWN_LABELS}run`]: String(run.run),
    [`${OWN_LABELS}protocol`]: '1',
  };
}

export function containerBody(wish: ContainerWish): ContainerBody {
  const { run, config } = wish;
  const { user } = run.task;
  const network = containerNetwork(wish);
  return {
    Image: wish.imageId,
    Env: environment(run, config),
    ...program(config),
    ...(user !== undefined && { User: user }),
    ...(config.workDir !== undefined && { WorkingDir: config.workDir }),
    Labels: labels(wish),
    Tty: config.tty,
    OpenStdin: config.interactive,
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    ...(config.isHealthcheckOff && { Healthcheck: { Test: ['NONE'] } }),
    ...network.container,
    HostConfig: {
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      LogConfig: logConfig(wish),
      Init: config.init,
      ...security(wish),
      ...containerLimits(wish),
      ...wish.storage,
      ...network.host,
    },
    ...(network.endpoints && { NetworkingConfig: { EndpointsConfig: network.endpoints } }),
  };
}

/** What the driver gives beside the run's own: where ports lead that it maps itself. */
export function portMapEnv({ portMap }: Pick<DockerConfig, 'portMap'>): Record<string, string> {
  const names = (label: string): string[] =>
    ['HOLDFAST', 'NOMAD'].flatMap((prefix) => [
      `${prefix}_PORT_${label.replaceAll(/[^A-Za-z0-9_.]/g, '_')}`,
      `${prefix}_ALLOC_PORT_${label}`,
    ]);
  const entries = Object.entries(portMap).flatMap(([label, port]) =>
    names(label).map((name) => [name, String(port)] as const),
  );
  return Object.fromEntries(entries);
}

/** The default path is the image's to give: only a path that somebody wrote down goes over it. */
function environment({ env, mark, task }: RunRequest, config: DockerConfig): readonly string[] {
  const { PATH, ...rest } = env;
  const isWritten = Object.hasOwn(task.env, 'PATH') || PATH !== DEFAULT_PATH;
  const path = isWritten && PATH !== undefined ? { PATH } : {};
  const all = { ...rest, ...path, ...portMapEnv(config), HOLDFAST_MARK: mark };
  return Object.entries(all).map(([name, value]) => `${name}=${value}`);
}

function program({ entrypoint, command, args }: DockerConfig): ContainerBody {
  const cmd = command === undefined ? args : [command, ...args];
  return {
    ...(entrypoint !== undefined && { Entrypoint: entrypoint }),
    ...(cmd.length > 0 && { Cmd: cmd }),
  };
}

function labels({ run, config, options, instanceId, labels: known }: ContainerWish): ContainerBody {
  const isWanted = nameMatcher(options.extraLabels);
  const extra = Object.entries(known)
    .filter(([name]) => isWanted(name))
    .map(([name, value]) => [`${OWN_LABELS}${name}`, value] as const);
  return { ...config.labels, ...Object.fromEntries(extra), ...ownLabels(run, instanceId) };
}

function logConfig({ config, options }: ContainerWish): ContainerBody {
  const { type, config: settings } = config.logging ?? options.logging;
  const isCapped = type === options.logging.type;
  return { Type: type, Config: isCapped ? { ...options.logging.config, ...settings } : settings };
}

function security({ config, capabilities, options }: ContainerWish): ContainerBody {
  const { privileged, securityOpt, groupAdd, runtime, cgroupns } = config;
  const score = config.oomScoreAdj ?? options.oomScoreAdj;
  return {
    Privileged: privileged,
    // A list that is whole: what the engine gives by default is none of its business.
    ...(!privileged && { CapDrop: ['ALL'], CapAdd: capabilities }),
    ReadonlyRootfs: config.readonlyRootfs,
    ...(securityOpt.length > 0 && { SecurityOpt: securityOpt }),
    ...(groupAdd.length > 0 && { GroupAdd: groupAdd }),
    ...(runtime !== undefined && { Runtime: runtime }),
    ...modes(config),
    ...(cgroupns !== undefined && { CgroupnsMode: cgroupns }),
    ...(score !== 0 && { OomScoreAdj: score }),
  };
}

/** A namespace of its own is what every container has that asks for none. */
function modes({ pidMode, ipcMode, utsMode, usernsMode }: DockerConfig): ContainerBody {
  const isOwn = (mode: string | undefined): boolean => mode === undefined || mode === 'private';
  return {
    ...(!isOwn(pidMode) && { PidMode: pidMode }),
    ...(ipcMode !== undefined && { IpcMode: ipcMode }),
    ...(!isOwn(utsMode) && { UTSMode: utsMode }),
    ...(!isOwn(usernsMode) && { UsernsMode: usernsMode }),
  };
}
