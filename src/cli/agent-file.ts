/** `holdfast agent --config FILE`: what a file says, as the options of the command would say it. */
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { HoldfastError } from '../errors.ts';
import type { AgentConfig } from '../config/agent-schema.ts';
import type { SpecSource } from '../spec/checked-input.ts';
import { durationMs } from '../spec/duration.ts';
import type { AgentCommand, AgentOptions } from './agent-options.ts';
import { byteSize } from './byte-size.ts';
import { httpPlace } from './http-option.ts';
import { networkFact } from './network-option.ts';

const MIB = 2 ** 20;

/**
 * The options of the command, and those of its file where the command is silent. Errors: those of `readSpecFile`,
 * SPEC_INVALID with every mistake, and PERMISSION_DENIED for a file that others can write.
 */
export async function withFile(command: AgentCommand): Promise<AgentCommand> {
  if (command.config === undefined) return command;
  const path = resolve(command.config);
  const written = await readAgentFile(path);
  const { cgroups, dataDir, ...rest } = given(command);
  // The flag for it can only say no; the variable stands between flag and file.
  const place = dataDir ?? (process.env['HOLDFAST_DATA_DIR'] === undefined && written.dataDir);
  return {
    ...written,
    ...(rest.driverOptions === undefined ? {} : { drivers: undefined }),
    ...rest,
    cgroups: cgroups !== false && written.cgroups !== false,
    ...(place ? { dataDir: place } : { dataDir: undefined }),
  } as AgentCommand;
}

function given(command: AgentCommand): AgentCommand {
  return Object.fromEntries(Object.entries(command).filter(([, value]) => value !== undefined));
}

async function readAgentFile(path: string): Promise<AgentOptions> {
  refuseWritable(path);
  const [{ readSpecFile }, { agentSchema }, { checkedInput }] = await Promise.all([
    import('./read-spec-file.ts'),
    import('../config/agent-schema.ts'),
    import('../spec/checked-input.ts'),
  ]);
  const { value, source } = await readSpecFile(path, 'configuration');
  const checked = checkedInput(agentSchema, value, {
    source,
    whole: 'the configuration',
    rules: ({ http }) =>
      (http?.cert === undefined) === (http?.key === undefined)
        ? []
        : [{ path: ['http'], text: 'has cert without key, or key without cert' }],
  });
  return { ...optionsOf(checked, dirname(path)), ...driversOf(checked, source) };
}

/** Whoever writes it decides what runs here: only the owner may, who is the agent's user or root. */
function refuseWritable(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  const isOwn = found.uid === process.geteuid?.() || found.uid === 0;
  if (isOwn && (found.mode & 0o022) === 0) return;
  const text = isOwn
    ? `others can write ${path}: chmod go-w ${path}`
    : `${path} belongs to user ${found.uid}, who is neither you nor root: chown it`;
  throw new HoldfastError('PERMISSION_DENIED', text);
}

/** Where a mistake among the options of drivers is to be shown. */
function driversOf({ drivers }: AgentConfig, source: SpecSource): AgentOptions {
  return drivers === undefined ? {} : { drivers: { written: drivers, source } };
}

function optionsOf(config: AgentConfig, from: string): AgentOptions {
  const { onlyDrivers, driverPlugins, cgroups, diskFloor, logBudget, keepFinishedFor } = config;
  const { dataDir, denyHostEnv, logLevel, socketGroup, keepFinished, maxDisk, maxInodes } = config;
  const plugins = Object.entries(driverPlugins ?? {});
  return plain({
    dataDir: at(from, dataDir),
    logLevel,
    socketGroup,
    onlyDriver: onlyDrivers,
    driverPlugin: driverPlugins && plugins.map(([name, path]) => ({ name, path: at(from, path) })),
    ...(cgroups === 'off' ? { cgroups: false } : {}),
    diskFloor: diskFloor === undefined ? undefined : Math.ceil(byteSize(diskFloor) / MIB),
    logBudget: bytesOf(logBudget),
    keepFinished,
    keepFinishedFor: keepFinishedFor === undefined ? undefined : durationMs(keepFinishedFor),
    maxDisk,
    maxInodes,
    node: config.node && plain(config.node),
    network: config.network && networkOf(config.network),
    denyHostEnv,
    sinkList: config.sinks,
    ...allowancesOf(config, from),
    ...servingOf(config, from),
  });
}

function allowancesOf({ artifacts, secrets, templates }: AgentConfig, from: string): AgentOptions {
  return plain({
    artifactRoot: all(from, artifacts?.roots),
    artifactLimit: bytesOf(artifacts?.limit),
    insecureArtifacts: artifacts?.insecure,
    secretEnv: secrets?.env,
    secretRoot: all(from, secrets?.roots),
    secretCommand: all(from, secrets?.commands),
    templateRoot: all(from, templates?.roots),
    templateKeys: at(from, templates?.keys),
  });
}

function servingOf({ http, grpc }: AgentConfig, from: string): AgentOptions {
  return plain({
    http: http && httpPlace(http.listen),
    httpCert: at(from, http?.cert),
    httpKey: at(from, http?.key),
    httpHost: http?.hosts,
    isolatedDriver: http?.isolatedDrivers,
    grpc: grpc?.listen,
    grpcCa: at(from, grpc?.ca),
    grpcCert: at(from, grpc?.cert),
    grpcKey: at(from, grpc?.key),
  });
}

/** By the words of `--network`, so that both mean the same. */
function networkOf(network: NonNullable<AgentConfig['network']>): AgentOptions['network'] {
  const { ports, reserved, hostIp, addresses = {}, cniPath, cniConfig, bridge, subnet } = network;
  const facts = [
    ['ports', ports],
    ['reserved', reserved?.join(',')],
    ['hostIp', hostIp],
    ['cniPath', cniPath?.join(':')],
    ['cniConfig', cniConfig?.join(':')],
    ['bridge', bridge],
    ['subnet', subnet],
    ...Object.entries(addresses).map(([name, address]) => [`address.${name}`, address]),
  ];
  const written = facts.filter(([, value]) => value !== undefined && value !== '');
  return written.reduce<NonNullable<AgentOptions['network']>>(
    (before, [key, value]) => networkFact(`${key}=${value}`, before),
    {},
  );
}

function at<P extends string | undefined>(from: string, path: P): P {
  return (path === undefined ? undefined : resolve(from, path)) as P;
}

function all(from: string, paths: readonly string[] | undefined): readonly string[] | undefined {
  return paths?.map((path) => resolve(from, path));
}

function bytesOf(size: string | undefined): number | undefined {
  return size === undefined ? undefined : byteSize(size);
}

type Written<T> = { readonly [K in keyof T]: Exclude<T[K], undefined> };

/** Without what is undefined: it is not there. */
function plain<T extends object>(values: T): Written<T> {
  const there = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(there) as Written<T>;
}
