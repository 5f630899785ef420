import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HoldfastError, messageOf } from '../errors.ts';
import { keepFilesForWork } from '../os/open-files.ts';
import { makeBelow } from '../os/make-below.ts';
import { type HostAddress, hostDirectory, type HostKind, readAddress } from './address-file.ts';
import { compileCacheDirectory } from './compile-cache.ts';
import { type Channel, openChannel } from './framed-channel.ts';
import { type Greeting, hello } from './hello.ts';
import { hasOwnHostEnded, killOwnHost, startHostProcess } from './host-process.ts';
import { assertSocketPath } from './unix-socket.ts';

export interface HostRequest {
  readonly stateDir: string;
  readonly kind: HostKind;
  /** Unique in this state directory; names the host's directory. */
  readonly hostId: string;
  readonly instanceId: string;
  readonly agentEpoch: number;
  /** How many tasks a host of any kind is for, which it must know for hosts that it starts itself. No limit without. */
  readonly tasksPerHost?: number | undefined;
  /** Where its compiled code is kept; found by the environment without one. */
  readonly compileCache?: string | undefined;
  /** Absolute path of its entry file, for one of another package than ours. */
  readonly entry?: string | undefined;
  /** Milliseconds until the host must have answered. 10 s without one. */
  readonly deadlineMs?: number;
}

export interface Host {
  readonly address: HostAddress;
  readonly channel: Channel;
  readonly greeting: Greeting;
}

const DEFAULT_DEADLINE_MS = 10_000;
/**
 * A host makes little garbage, lives long and waits for the kernel: a young generation of 1 MB instead of 16 saves 5 MB
 * of memory, no threads beside it another one, and `giveBackWhenQuiet` needs to be let collect. Optimized code costs a
 * host 1.5 MB more: an executor host starts a program in four fifths of the time with it, a logmon host moves bytes
 * just as fast without. The compile cache is another one for other flags.
 */
const MEMORY_FLAGS = [
  '--max-semi-space-size=1',
  '--single-threaded-gc',
  '--v8-pool-size=0',
  '--expose-gc',
];
const FLAGS: Readonly<Record<HostKind, readonly string[]>> = {
  executor: MEMORY_FLAGS,
  logmon: [...MEMORY_FLAGS, '--no-opt', '--no-maglev'],
  'docker-logger': MEMORY_FLAGS,
  driver: MEMORY_FLAGS,
};
const POLL_MS = 5;
const LOG_TAIL_BYTES = 2_000;

/**
 * Starts a host that outlives this process and answers when it said Hello. It runs the very package that is running:
 * its entry file is found beside this one, as TypeScript in a checkout and as JavaScript in an installation.
 * Throws UNAVAILABLE with the end of host.log when the host ends or is silent; it was killed then.
 */
export async function spawnHost(request: HostRequest): Promise<Host> {
  const hostDir = hostDirectory(request.stateDir, request.hostId);
  assertSocketPath(join(hostDir, 'sock'));
  makeBelow(request.stateDir, hostDir);
  let pid: number | undefined;
  const deadline = performance.now() + (request.deadlineMs ?? DEFAULT_DEADLINE_MS);
  try {
    keepFilesForWork();
    pid = startProcess(request, hostDir);
    // crash point: agent.host.spawned
    const address = await addressOf(pid, hostDir, deadline);
    const channel = await openChannel(address.socket, Math.max(1, deadline - performance.now()));
    return { address, channel, greeting: await hello(channel, request.kind, request) };
  } catch (error) {
    if (pid !== undefined) killOwnHost(pid);
    const message = `the ${request.kind} host did not start: ${messageOf(error)}${logTail(hostDir)}`;
    throw new HoldfastError('UNAVAILABLE', message, { cause: error });
  }
}

/**
 * Connects to a host that is running, by the address it left. Throws UNAVAILABLE when it is gone, EPOCH_STALE when it
 * has seen a newer agent.
 */
export async function findHost(request: HostRequest): Promise<Host> {
  const address = await readAddress(hostDirectory(request.stateDir, request.hostId));
  if (address === undefined) {
    throw new HoldfastError('UNAVAILABLE', `host ${request.hostId} left no address`);
  }
  const channel = await openChannel(address.socket, request.deadlineMs ?? DEFAULT_DEADLINE_MS);
  try {
    return { address, channel, greeting: await hello(channel, request.kind, request) };
  } catch (error) {
    channel.close();
    throw error;
  }
}

function startProcess(request: HostRequest, hostDir: string): number {
  const entry = request.entry ?? ownEntry(request.kind);
  const cache = request.compileCache ?? compileCacheDirectory(request.stateDir, process.env);
  const argv = [
    process.execPath,
    ...FLAGS[request.kind],
    entry,
    `--state-dir=${request.stateDir}`,
    `--host-id=${request.hostId}`,
    `--kind=${request.kind}`,
    `--instance-id=${request.instanceId}`,
    `--tasks-per-host=${request.tasksPerHost ?? Infinity}`,
  ];
  // Nothing of the agent's environment: NODE_OPTIONS alone could change what the host is.
  const environment = [
    'PATH=/usr/bin:/bin',
    ...(cache === '' ? [] : [`NODE_COMPILE_CACHE=${cache}`]),
  ];
  const program = { path: process.execPath, argv, environment };
  return startHostProcess(program, join(hostDir, 'host.log'));
}

function ownEntry(kind: HostKind): string {
  const names = { executor: 'executor-host', logmon: 'logmon-host' } as const;
  const name = kind === 'executor' || kind === 'logmon' ? names[kind] : kind;
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`../processes/${name}/main.${extension}`, import.meta.url));
}

async function addressOf(pid: number, hostDir: string, deadline: number): Promise<HostAddress> {
  while (performance.now() < deadline) {
    const address = await readAddress(hostDir);
    if (address !== undefined && address.pid === pid) return address;
    if (hasOwnHostEnded(pid)) throw new Error('it ended');
    await delay(POLL_MS);
  }
  throw new Error('it wrote no address in time');
}

function logTail(hostDir: string): string {
  try {
    const text = readFileSync(join(hostDir, 'host.log'), 'utf8').slice(-LOG_TAIL_BYTES).trim();
    return text === '' ? '' : `\nThe end of its log:\n${text}`;
  } catch {
    return '';
  }
}
