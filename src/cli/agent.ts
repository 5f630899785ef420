/** `holdfast agent`: holds the log and the actors until it is told to end, and leaves the tasks running then. */
import { resolve } from 'node:path';
import { checkDataDirectory } from '../data-dir.ts';
import { HoldfastError } from '../errors.ts';
import { keepBounded } from '../rpc/own-log.ts';
import { agentLog, agentLogPath } from './agent-log.ts';
import { dataDirectory } from './data-dir.ts';
import { httpWish, type HttpOptions } from './http-option.ts';
import { type DriverWishes, wishedDrivers } from './driver-options.ts';
import { keepServing, type AgentLimits, type Ready } from './keep-serving.ts';
import { PACKAGE_VERSION } from '../version.ts';
import { say } from './output.ts';
import { wishedSinks } from './sinks-option.ts';
import { grpcPlace } from './serve-others.ts';
import { serviceNotice } from '../rpc/service-notice.ts';
import type { Orchestrator } from '../api.ts';
import type { Logger } from '../ports.ts';

/** Of the log of an agent in the background; as much again is kept of what came before. */
const MOST_LOG_BYTES = 8 * 2 ** 20;

export interface AgentOptions extends HttpOptions, DriverWishes {
  readonly dataDir?: string;
  /** MiB. */
  readonly diskFloor?: number;
  readonly keepFinished?: number;
  /** Milliseconds. */
  readonly keepFinishedFor?: number;
  /** Percent. */
  readonly maxDisk?: number;
  readonly maxInodes?: number;
  /** Bytes. */
  readonly logBudget?: number;
  /** As `node-option.ts` reads them. */
  readonly node?: AgentLimits['node'];
  /** As `network-option.ts` reads them. */
  readonly network?: AgentLimits['network'];
  readonly denyHostEnv?: readonly string[];
  readonly artifactRoot?: readonly string[];
  /** Bytes. */
  readonly artifactLimit?: number;
  readonly insecureArtifacts?: boolean;
  readonly secretEnv?: readonly string[];
  readonly secretRoot?: readonly string[];
  readonly secretCommand?: readonly string[];
  readonly templateRoot?: readonly string[];
  readonly templateKeys?: string;
  /** `host:port` for other machines, and the certificates that go with it. */
  readonly grpc?: string;
  readonly grpcCa?: string;
  readonly grpcCert?: string;
  readonly grpcKey?: string;
  /** A file. */
  readonly sinks?: string;
  /** False: none is made. */
  readonly cgroups?: boolean;
  /** `run` started it, and reads from its log why it ended. */
  readonly background?: boolean;
}

/** Resolves when the agent has ended in order. Errors are thrown; in the background they are logged too. */
export async function agent(options: AgentOptions): Promise<void> {
  const logger = agentLog(options.background === true ? boundedLog(options) : process.stderr);
  try {
    await serveUntilEnd(options, logger);
  } catch (error) {
    const { code, message, stack } = HoldfastError.from(error);
    // A bug is worth its stack wherever the log goes; anything else is one line for whoever typed the command.
    const isLogged = code === 'INTERNAL' && !process.stderr.isTTY;
    if (options.background !== true && !isLogged) throw error;
    logger.error({ code, ...(code === 'INTERNAL' ? { stack } : {}) }, message);
    // Its line has been written.
    throw new HoldfastError(code, message, { cause: error, details: { isReported: true } });
  }
}

/** What `run` made of stderr, with an end to its growth. */
function boundedLog(options: AgentOptions): { write(text: string): unknown } {
  const path = agentLogPath(dataDirectory(options.dataDir));
  return {
    write(text) {
      keepBounded(path, MOST_LOG_BYTES);
      return process.stderr.write(text);
    },
  };
}

async function serveUntilEnd(options: AgentOptions, logger: Logger): Promise<void> {
  const notice = await serviceNotice(logger);
  const dataDir = dataDirectory(options.dataDir);
  checkDataDirectory(dataDir);
  const { grpc: listen, grpcCa: ca, grpcCert: cert, grpcKey: key } = options;
  const grpc = await grpcPlace({ listen, ca, cert, key });
  const { drivers, driverPlugins } = await wishedDrivers(options);
  const onReady = (ready: Ready): void => {
    sayReady(ready, drivers, logger);
    notice.ready(`${knownTasks(ready.orchestrator)}, on ${ready.socket}`);
    // The first `run` shall not wait for its validator; opening did not either.
    void import('../spec/validate-spec.ts').catch(() => undefined);
  };
  const http = httpWish(options);
  const sinks = await wishedSinks(options.sinks);
  const limits = { ...limitsOf(options), driverPlugins, ...sinks };
  const serving = { dataDir, drivers, logger, limits, grpc, notice, onReady };
  await keepServing({ ...serving, ...(http && { http }) });
  logger.info({}, 'ended');
}

function limitsOf(options: AgentOptions): AgentLimits {
  const { diskFloor, logBudget, cgroups, node, network, denyHostEnv } = options;
  return {
    ...(diskFloor === undefined ? {} : { diskFloorBytes: diskFloor * 1024 * 1024 }),
    retention: retentionRules(options),
    ...(logBudget === undefined ? {} : { logs: { budgetBytes: logBudget } }),
    ...(node === undefined ? {} : { node }),
    ...(network === undefined ? {} : { network }),
    ...(denyHostEnv === undefined ? {} : { deniedHostEnv: denyHostEnv }),
    ...artifactRules(options),
    ...secretRules(options),
    ...templateRules(options),
    ...(cgroups === false ? { cgroups: 'off' } : {}),
  };
}

function retentionRules(options: AgentOptions): NonNullable<AgentLimits['retention']> {
  const { keepFinished, keepFinishedFor, maxDisk, maxInodes } = options;
  return {
    ...(keepFinished === undefined ? {} : { keepFinishedAllocs: keepFinished }),
    ...(keepFinishedFor === undefined ? {} : { keepFinishedForMs: keepFinishedFor }),
    ...(maxDisk === undefined ? {} : { maxDiskPercent: maxDisk }),
    ...(maxInodes === undefined ? {} : { maxInodePercent: maxInodes }),
  };
}

function artifactRules(options: AgentOptions): Pick<AgentLimits, 'artifacts'> {
  const { artifactRoot, artifactLimit, insecureArtifacts } = options;
  const artifacts = {
    ...(artifactRoot === undefined ? {} : { fileRoots: artifactRoot }),
    ...(artifactLimit === undefined ? {} : { maxBytes: artifactLimit }),
    ...(insecureArtifacts === true ? { isInsecureAllowed: true } : {}),
  };
  return Object.keys(artifacts).length === 0 ? {} : { artifacts };
}

function secretRules(options: AgentOptions): Pick<AgentLimits, 'secrets'> {
  const { secretEnv, secretRoot, secretCommand } = options;
  const secrets = {
    ...(secretEnv === undefined ? {} : { env: secretEnv }),
    ...(secretRoot === undefined ? {} : { fileRoots: secretRoot }),
    ...(secretCommand === undefined ? {} : { commands: secretCommand }),
  };
  return Object.keys(secrets).length === 0 ? {} : { secrets };
}

function templateRules(options: AgentOptions): Pick<AgentLimits, 'templates'> {
  const { templateRoot, templateKeys } = options;
  const templates = {
    ...(templateRoot === undefined ? {} : { fileRoots: templateRoot }),
    ...(templateKeys === undefined ? {} : { keys: resolve(templateKeys) }),
  };
  return Object.keys(templates).length === 0 ? {} : { templates };
}

function knownTasks({ recovery: { tasks } }: Orchestrator): string {
  return `${tasks.length} known task${tasks.length === 1 ? '' : 's'}`;
}

function sayReady(
  { orchestrator, socket, url }: Ready,
  drivers: readonly { readonly name: string }[],
  logger: Logger,
): void {
  const names = drivers.map(({ name }) => name);
  const { tasks, tookMs, damage } = orchestrator.recovery;
  const facts = {
    version: PACKAGE_VERSION,
    pid: process.pid,
    socket,
    ...(url && { url }),
    drivers: names,
  };
  if (!process.stderr.isTTY) {
    logger.info({ ...facts, recovery: { tasks: tasks.length, tookMs, damage } }, 'ready');
    return;
  }
  say(`holdfast ${facts.version} is ready on ${socket}`);
  if (url !== undefined) say(`HTTP on ${url}`);
  say(`pid ${process.pid}, drivers ${names.join(', ') || 'none'}, ${knownTasks(orchestrator)}`);
  if (damage === null) return;
  const fate = damage.movedTo === '' ? 'lost' : `moved to ${damage.movedTo}`;
  say(`the store was ${fate}: ${damage.reason}`);
}
