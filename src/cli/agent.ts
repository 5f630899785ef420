/** `holdfast agent`: holds the log and the actors until it is told to end, and leaves the tasks running then. */
import { checkDataDirectory } from '../data-dir.ts';
import { HoldfastError } from '../errors.ts';
import { keepBounded } from '../rpc/own-log.ts';
import { agentLog, agentLogPath, type AgentLog } from './agent-log.ts';
import type { AgentCommand } from './agent-options.ts';
import { readSettings } from './agent-settings.ts';
import { dataDirectory } from './data-dir.ts';
import { keepServing } from './keep-serving.ts';
import { PACKAGE_VERSION } from '../version.ts';
import { say } from './output.ts';
import { Reload } from './reload.ts';
import type { Ready } from './serve-all.ts';
import { serviceNotice } from '../rpc/service-notice.ts';
import type { Orchestrator } from '../api.ts';
import type { Logger } from '../ports.ts';

/** Of the log of an agent in the background; as much again is kept of what came before. */
const MOST_LOG_BYTES = 8 * 2 ** 20;

/** Resolves when the agent has ended in order. Errors are thrown; in the background they are logged too. */
export async function agent(options: AgentCommand): Promise<void> {
  if (options.checkConfig === true) return checkConfig(options);
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

/** Errors: whatever would keep an agent from beginning, as far as that can be told without beginning. */
async function checkConfig(command: AgentCommand): Promise<void> {
  const { options, drivers } = await readSettings(command);
  const dataDir = dataDirectory(options.dataDir);
  checkDataDirectory(dataDir);
  const names = drivers.map(({ name }) => name).join(', ') || 'none';
  say(`the configuration can be used: data directory ${dataDir}, drivers ${names}`);
}

/** What `run` made of stderr, with an end to its growth. */
function boundedLog(options: AgentCommand): { write(text: string): unknown } {
  const path = agentLogPath(dataDirectory(options.dataDir));
  return {
    write(text) {
      keepBounded(path, MOST_LOG_BYTES);
      return process.stderr.write(text);
    },
  };
}

async function serveUntilEnd(command: AgentCommand, logger: AgentLog): Promise<void> {
  const notice = await serviceNotice(logger);
  const settings = await readSettings(command);
  const dataDir = dataDirectory(settings.options.dataDir);
  checkDataDirectory(dataDir);
  logger.setLevel(settings.options.logLevel);
  const read = () => readSettings(command);
  const reload = new Reload({ read, logger, notice }, settings);
  const onReady = (ready: Ready): string => {
    sayReady(ready, settings.drivers, logger);
    const status = `${knownTasks(ready.orchestrator)}, on ${ready.socket}`;
    notice.ready(status);
    // The first `run` shall not wait for its validator; opening did not either.
    void import('../spec/validate-spec.ts').catch(() => undefined);
    return status;
  };
  await keepServing({ dataDir, logger, reload, notice, onReady });
  logger.info({}, 'ended');
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
