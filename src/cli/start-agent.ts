/** The agent that `run` starts by itself: in a session of its own, so that no terminal takes it along. */
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { checkDataDirectory } from '../data-dir.ts';
import { ERROR_CODES, HoldfastError, messageOf } from '../errors.ts';
import { agentLogPath } from './agent-log.ts';
import { agentIfAny } from './find-agent.ts';
import { say } from './output.ts';
import type { ChildProcess } from 'node:child_process';
import type { Orchestrator } from '../api.ts';
import type { ErrorCode } from '../errors.ts';

const DEADLINE_MS = 30_000;
/** How long an agent that holds the store may take to listen, or not: an embedding program holds it and never does. */
const LOCKED_DEADLINE_MS = 5_000;
const POLL_MS = 10;

/**
 * Starts an agent with raw_exec on and waits until it answers. When it ends instead, the error is its own, taken from
 * its log; two commands that start one at the same time get the one that won.
 */
export async function startAgent(dataDir: string): Promise<Orchestrator> {
  checkDataDirectory(dataDir);
  const logPath = agentLogPath(dataDir);
  makeDirectories(dataDir);
  const log = openSync(logPath, 'a', 0o600);
  const logStart = fstatSync(log).size;
  const child = spawnAgent(dataDir, log);
  closeSync(log);
  say(`no agent ran on ${dataDir}: started one in the background (pid ${child.pid ?? '?'})`);
  let deadline = Date.now() + DEADLINE_MS;
  let hasLost = false;
  let failure: HoldfastError | undefined;
  while (Date.now() < deadline) {
    const agent = await agentIfAny(dataDir);
    if (agent !== undefined) return agent;
    if (!hasLost && (child.exitCode !== null || child.signalCode !== null)) {
      failure = notStarted(child, logPath, errorInLog(logPath, logStart));
      if (failure.code !== 'STORE_LOCKED') throw failure;
      hasLost = true;
      deadline = Date.now() + LOCKED_DEADLINE_MS;
    }
    await delay(POLL_MS);
  }
  if (failure !== undefined) throw failure;
  throw new HoldfastError('TIMEOUT', `the agent did not answer in 30 s: look at ${logPath}`);
}

function makeDirectories(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o711 });
    mkdirSync(join(dataDir, 'state'), { recursive: true, mode: 0o700 });
  } catch (error) {
    const message = `the data directory ${dataDir} cannot be made: ${messageOf(error)}`;
    throw new HoldfastError('DATA_DIR_REFUSED', message, { cause: error });
  }
}

function spawnAgent(dataDir: string, log: number): ChildProcess {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const main = fileURLToPath(new URL(`./main.${extension}`, import.meta.url));
  const child = spawn(
    process.execPath,
    [
      ...process.execArgv,
      main,
      'agent',
      '--background',
      '--data-dir',
      dataDir,
      '--driver',
      'raw_exec',
    ],
    { cwd: '/', detached: true, stdio: ['ignore', log, log] },
  );
  child.unref();
  return child;
}

/** The last error line that this agent wrote. */
function errorInLog(path: string, start: number): { code: ErrorCode; message: string } | undefined {
  const log = readFileSync(path);
  // A shorter one was begun meanwhile.
  const lines = log
    .subarray(log.length < start ? 0 : start)
    .toString()
    .trim()
    .split('\n');
  for (const line of lines.toReversed()) {
    try {
      const entry = JSON.parse(line) as { level?: unknown; code?: unknown; message?: unknown };
      const { level, code, message } = entry;
      if (level !== 'error' || typeof code !== 'string' || !Object.hasOwn(ERROR_CODES, code))
        continue;
      return { code: code as ErrorCode, message: String(message) };
    } catch {
      continue;
    }
  }
  return undefined;
}

function notStarted(
  child: ChildProcess,
  logPath: string,
  error: { code: ErrorCode; message: string } | undefined,
): HoldfastError {
  const end = child.signalCode ?? `exit code ${child.exitCode}`;
  const reason = error?.message ?? `it ended with ${end}`;
  const message = `the agent did not start: ${reason} (its log: ${logPath})`;
  return new HoldfastError(error?.code ?? 'UNAVAILABLE', message);
}
