import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, isRetryable } from '../errors.ts';
import { dataDirectory } from './data-dir.ts';
import { agentIfAny, findAgent } from './find-agent.ts';
import { say, write } from './output.ts';
import { readPayloadFile, readSpecFile } from './read-spec-file.ts';
import type { AllocHandle, Orchestrator } from '../api.ts';
import type { CheckedGroup } from '../spec/group-schema.ts';

export interface RunCommandOptions {
  readonly dataDir?: string;
  readonly wait?: boolean;
  /** A file. */
  readonly payload?: string;
  readonly ifVersion?: number;
  /** False for `--no-agent`. */
  readonly agent: boolean;
}

/** Together longer than an agent takes to open its log again. */
const PAUSES_MS = [100, 1_000, 2_000, 4_000];

/** `holdfast run FILE`: prints the alloc id. What can be wrong with the file is told before an agent starts. */
export async function run(file: string, options: RunCommandOptions): Promise<void> {
  const { value, source } = await readSpecFile(file);
  const { validateGroup } = await import('../spec/validate-spec.ts');
  const group = validateGroup(value, { source });
  const dataDir = dataDirectory(options.dataDir);
  const given = await payloadOf(file, options.payload);
  const known = options.ifVersion === undefined ? {} : { ifVersion: options.ifVersion };
  const names = { file: source.file, dataDir, requestId: randomUUID() };
  const request = { group, ...names, ...given, ...known };
  const { orchestrator, handle } = await ask(request, options).catch((error: unknown) => {
    if (!isUnanswered(error)) throw error;
    say(`${error.message}. Asking again`);
    return askAgain(request, options, error);
  });
  await using _connection = orchestrator;
  await write(`${handle.allocId}\n`);
  if (options.wait === true) await waitForEnd(handle);
  else await tellAccepted(handle);
}

async function tellAccepted(handle: AllocHandle): Promise<void> {
  const { alloc } = handle;
  // Whatever becomes of this question: the group was accepted.
  const version = await handle.view().then(
    (view) => view.version,
    () => 1,
  );
  const what = version > 1 ? `at version ${version}` : 'accepted';
  say(`${alloc} is ${what}. Follow it: holdfast events ${alloc} -f`);
}

async function payloadOf(
  file: string,
  path: string | undefined,
): Promise<{ readonly payload?: Uint8Array }> {
  if (path === undefined) return {};
  if (path === '-' && file === '-') {
    throw new HoldfastError('USAGE', 'group and payload cannot both be standard input');
  }
  return { payload: await readPayloadFile(path) };
}

interface Request {
  readonly group: CheckedGroup;
  readonly file: string;
  readonly dataDir: string;
  /** However often it is asked, it is one alloc. */
  readonly requestId: string;
  readonly payload?: Uint8Array;
  readonly ifVersion?: number;
}

interface Answer {
  readonly orchestrator: Orchestrator;
  readonly handle: AllocHandle;
}

async function ask(request: Request, options: RunCommandOptions): Promise<Answer> {
  const { group, file, dataDir, ...wish } = request;
  const orchestrator = options.agent
    ? await agentOrNewOne(dataDir, group, file)
    : await findAgent(dataDir);
  try {
    return { orchestrator, handle: await orchestrator.run(group, wish) };
  } catch (error) {
    await orchestrator.close();
    throw inFile(error, file);
  }
}

/** Another agent may have to come first, or this one to open its log again. */
async function askAgain(
  request: Request,
  options: RunCommandOptions,
  first: HoldfastError,
): Promise<Answer> {
  let last: HoldfastError = first;
  for (const pauseMs of PAUSES_MS) {
    await delay(pauseMs);
    try {
      return await ask(request, options);
    } catch (error) {
      if (!isRetryable(error)) throw error;
      last = error;
    }
  }
  const { code, message, details } = last;
  if (details[MAYBE] === true) throw last;
  const text = `${message}. Before that ${first.message}`;
  throw new HoldfastError(code, text, { cause: last, details });
}

const MAYBE = 'mayBeAccepted';

function isUnanswered(error: unknown): error is HoldfastError {
  return HoldfastError.is(error) && error.details[MAYBE] === true;
}

async function agentOrNewOne(
  dataDir: string,
  group: CheckedGroup,
  file: string,
): Promise<Orchestrator> {
  const agent = await agentIfAny(dataDir);
  if (agent !== undefined) return agent;
  await refuseUnfitTasks(group, file);
  const { startAgent } = await import('./start-agent.ts');
  return startAgent(dataDir);
}

/** An agent is not started for a group that it must refuse. */
async function refuseUnfitTasks(group: CheckedGroup, file: string): Promise<void> {
  const { builtinDrivers } = await import('../drivers/driver-options.ts');
  const drivers = new Map(builtinDrivers().map((driver) => [driver.name, driver]));
  for (const { name, driver, config } of group.tasks) {
    const known = drivers.get(driver);
    if (known === undefined) {
      const there = [...drivers.keys()].join(', ');
      const message = `${file}: task ${name} wants the driver "${driver}". There are: ${there}`;
      throw new HoldfastError('DRIVER_UNKNOWN', message);
    }
    try {
      await known.checkConfig(config);
    } catch (error) {
      throw inFile(error, `${file}: task ${name}`);
    }
  }
}

/** What the agent or a driver says about the group names its place too. */
function inFile(error: unknown, place: string): unknown {
  const codes = ['SPEC_INVALID', 'DRIVER_UNKNOWN', 'DRIVER_CONFIG_INVALID'];
  if (!HoldfastError.is(error) || !codes.includes(error.code)) return error;
  const { code, message, details } = error;
  return new HoldfastError(code, `${place}: ${message}`, { cause: error, details });
}

async function waitForEnd(handle: AllocHandle): Promise<void> {
  const { state, reason, tasks } = await handle.wait();
  if (state === 'complete') return;
  const bad = tasks.find((task) => task.failed);
  const why = bad === undefined ? reason : `${bad.task}: ${bad.reason || reason}`;
  say(`holdfast: ${handle.alloc} is ${state}${why === '' ? '' : ` (${why})`}`);
  process.exitCode = 1;
}
