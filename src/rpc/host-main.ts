import { existsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { HoldfastError } from '../errors.ts';
import { removeFileIfPossible } from '../os/atomic-file.ts';
import { closeOnExecAbove2 } from '../os/libc.ts';
import { makeBelow } from '../os/make-below.ts';
import { machineEpoch } from '../os/machine-epoch.ts';
import { keepBounded } from './own-log.ts';
import { ownIdentity } from '../os/process-identity.ts';
import { PACKAGE_VERSION } from '../version.ts';
import { type HostKind, hostDirectory, writeAddress } from './address-file.ts';
import { restartWithWarmCache } from './compile-cache.ts';
import { type FramedListener, type FramedService, serveFrames } from './framed-server.ts';
import { giveBackWhenQuiet } from './give-back.ts';

/** What a host knows about itself when its service is made. */
export interface HostContext {
  readonly stateDir: string;
  readonly hostId: string;
  readonly kind: HostKind;
  readonly instanceId: string;
  readonly machineEpoch: string;
  /** Version of the package it runs. */
  readonly version: string;
  /** How many tasks a host is for, as the agent that started this one wished. */
  readonly tasksPerHost: number;
  /** How many are connected to this host now: every living agent is. */
  connections(): number;
  /** Is the state directory still the one that this host was started for? It may have been moved or exchanged. */
  isAtHome(): boolean;
  /** One JSON line to host.log, which is begun anew when it is large. */
  log(event: string, facts?: object): void;
  /** Ends the host once the answers under way are out. For a Shutdown call that found nothing to watch. */
  end(reason: string): void;
}

/** One service and what the host must know about it. */
export interface HostedService extends FramedService {
  /** How many things it still owns. A host with none may end; one with some stays whatever it is told. */
  busyWith(): number;
  /** Lets go of what it owns, so that another host can take it over and nothing is lost; left out where it cannot. */
  leave?(): Promise<void>;
}

const IDLE_CHECK_MS = 10_000;
/** An agent that was killed is started again within seconds where something supervises it. */
const FORSAKEN_AFTER_MS = 60_000;
const CLOSE_GRACE_MS = 1_000;
/** As much again is kept of what came before. */
const MOST_LOG_BYTES = 1_048_576;

/**
 * The life of a host process, called by its entry file after everything is imported: from then on the package may be
 * replaced on disk. The address is written last, so that whoever reads it finds a host that answers.
 */
export async function runHost(
  kind: HostKind,
  protocol: number,
  open: (context: HostContext) => HostedService,
): Promise<void> {
  restartWithWarmCache();
  process.umask(0o077);
  // Wherever the agent was started, nothing is kept from being unmounted.
  process.chdir('/');
  const args = hostArguments();
  if (args.kind !== kind) throw new HoldfastError('USAGE', `this is a host of kind ${kind}`);
  closeOnExecAbove2();
  const hostDir = hostDirectory(args.stateDir, args.hostId);
  makeBelow(args.stateDir, hostDir);
  let listener: FramedListener | undefined;
  const context: HostContext = {
    ...args,
    kind,
    machineEpoch: machineEpoch(),
    version: PACKAGE_VERSION,
    connections: () => listener?.connections() ?? 0,
    isAtHome: homeAt(args.stateDir),
    log: boundedLog(hostDir),
    end: (reason) => void end(hostDir, listener, service, reason),
  };
  // crash point: host.opening
  const service = open(context);
  surviveSignals(context, service);
  const giveBack = giveBackWhenQuiet();
  let heardAt = performance.now();
  const onCall = (): void => {
    heardAt = performance.now();
    giveBack();
  };
  listener = await serveFrames({ ...service, onCall }, join(hostDir, 'sock'));
  // crash point: host.listening
  announce(context, hostDir, { protocol, socket: listener.socket });
  // crash point: host.address.written
  endWhenInVain(context, () => {
    const connections = context.connections();
    if (connections > 0) heardAt = performance.now();
    return {
      busyWith: service.busyWith(),
      isReplaceable: service.leave !== undefined,
      isFindable: existsSync(join(hostDir, 'address.json')),
      connections,
      idleForMs: performance.now() - heardAt,
    };
  });
}

/** Remembers what is at a path now, and tells whether it still is. */
function homeAt(dir: string): () => boolean {
  const home = statSync(dir);
  return () => {
    const now = statSync(dir, { throwIfNoEntry: false });
    return now?.dev === home.dev && now.ino === home.ino;
  };
}

function announce(
  { hostId, kind, machineEpoch: epoch, version }: HostContext,
  hostDir: string,
  { protocol, socket }: { readonly protocol: number; readonly socket: string },
): void {
  const address = { hostId, kind, ...ownIdentity(epoch), protocol, version };
  writeAddress(hostDir, { ...address, socket });
  logLine('host-started', { ...address, node: process.version });
}

function hostArguments(): {
  stateDir: string;
  hostId: string;
  kind: string;
  instanceId: string;
  tasksPerHost: number;
} {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      'state-dir': text,
      'host-id': text,
      kind: text,
      'instance-id': text,
      'tasks-per-host': text,
    },
  });
  const stateDir = values['state-dir'];
  const hostId = values['host-id'];
  const { kind } = values;
  const instanceId = values['instance-id'];
  if (!stateDir?.startsWith('/') || !hostId || !kind || !instanceId) {
    throw new HoldfastError('USAGE', 'a host is started by its agent, not by hand');
  }
  const tasksPerHost = Number(values['tasks-per-host'] ?? Infinity);
  return { stateDir, hostId, kind, instanceId, tasksPerHost };
}

/** A host outlives the agent's terminal, and an idle one does not stand in the way of a machine that shuts down. */
function surviveSignals(context: HostContext, service: HostedService): void {
  for (const signal of ['SIGHUP', 'SIGINT'] as const) process.on(signal, () => undefined);
  process.on('SIGTERM', () => {
    const busyWith = service.busyWith();
    if (busyWith === 0) context.end('SIGTERM');
    else context.log('stays', { signal: 'SIGTERM', busyWith });
  });
}

interface Company {
  readonly busyWith: number;
  readonly isReplaceable: boolean;
  /** Its address is where agents look for it. */
  readonly isFindable: boolean;
  readonly connections: number;
  /** Since the last call or connection. */
  readonly idleForMs: number;
}

/**
 * Why a host should end by itself, if it should. With nothing to watch: its directory was removed, so that nobody finds
 * it any more, or nobody has talked to it for a minute: its agent was killed, none came after. One that can be replaced
 * ends unfindable whatever it owns, since it would keep its successor from its work.
 */
export function reasonToEnd(company: Company): string | undefined {
  const { busyWith, isReplaceable, isFindable, connections, idleForMs } = company;
  if (!isFindable && (busyWith === 0 || isReplaceable)) return 'its directory was removed';
  const isForsaken = busyWith === 0 && connections === 0 && idleForMs >= FORSAKEN_AFTER_MS;
  return isForsaken ? 'no agent has come for a minute' : undefined;
}

function endWhenInVain(context: HostContext, company: () => Company): void {
  const timer = setInterval(() => {
    const reason = reasonToEnd(company());
    if (reason === undefined) return;
    clearInterval(timer);
    context.end(reason);
  }, IDLE_CHECK_MS);
}

async function end(
  hostDir: string,
  listener: FramedListener | undefined,
  service: HostedService,
  reason: string,
): Promise<void> {
  logLine('host-ends', { reason });
  removeFileIfPossible(join(hostDir, 'address.json'));
  // crash point: host.ending
  await listener?.close(CLOSE_GRACE_MS);
  await service.leave?.();
  process.exit(0);
}

/** The few lines that everybody writes are not counted. */
function boundedLog(hostDir: string): HostContext['log'] {
  return (event, facts) => {
    keepBounded(join(hostDir, 'host.log'), MOST_LOG_BYTES);
    logLine(event, facts);
  };
}

function logLine(event: string, facts: object = {}): void {
  const line = JSON.stringify({ time: new Date().toISOString(), event, ...facts });
  try {
    writeSync(1, `${line}\n`);
  } catch {
    // A full disk takes the log, not the host.
  }
}
