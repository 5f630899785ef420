/**
 * The hosts of the simulated machine. An executor host is the real service on simulated system calls; a logmon host is
 * played, since what moves its bytes is one system call that either happened or did not.
 */
import { join } from 'node:path';
import { executorHandlers } from '../../../src/processes/executor-host/fenced-calls.ts';
import { standIn } from '../../../src/processes/executor-host/heir.ts';
import { ExecutorHost } from '../../../src/processes/executor-host/service.ts';
import { sessionHandlers } from '../../../src/processes/sessions/session-handlers.ts';
import { OwnCommands } from '../../../src/processes/executor-host/sessions/own-commands.ts';
import { Sessions } from '../../../src/processes/sessions/sessions.ts';
import { removeFile } from '../../../src/os/atomic-file.ts';
import { EXECUTOR_PROTOCOL } from '../../../src/rpc/executor-methods.ts';
import { machineEpoch } from '../../../src/os/machine-epoch.ts';
import { ownIdentity } from '../../../src/os/process-identity.ts';
import { type HostAddress, hostDirectory, writeAddress } from '../../../src/rpc/address-file.ts';
import type { HostContext } from '../../../src/rpc/host-main.ts';
import type { HostRequest } from '../../../src/rpc/spawn-host.ts';
import type { Listener, Served } from '../stand-ins/channel.ts';
import { PlayedLogmon } from './logmon-host.ts';
import type { Process } from './processes.ts';
import { Killed, type World } from './world.ts';

interface Hosted {
  readonly methods: Readonly<Record<string, Served>>;
  readonly busyWith: () => number;
}

/** A host that watches nothing ends a while after its last call, as `reasonToEnd` says. */
const FORSAKEN_AFTER_MS = 60_000;

const listeners = new WeakMap<World, Map<string, Listener>>();

function listenersOf(world: World): Map<string, Listener> {
  const known = listeners.get(world) ?? new Map<string, Listener>();
  listeners.set(world, known);
  return known;
}

/** Who listens at an address: nobody once the process has ended. */
export function listenerOf(world: World, { socket }: HostAddress): Listener | undefined {
  const found = listenersOf(world).get(socket);
  return found?.process.isDead === false ? found : undefined;
}

/** What the host's `main` does, in its own process: imports nothing more, listens, and only then writes its address. */
export function beginHost(world: World, me: Process, request: HostRequest): void {
  try {
    begin(world, me, request);
  } catch (error) {
    // A host that cannot begin ends, and its log says why.
    if (!(error instanceof Killed)) world.kill(me, String(error));
  }
}

function begin(world: World, me: Process, request: HostRequest): void {
  const { stateDir, hostId, kind, instanceId } = request;
  const hostDir = hostDirectory(stateDir, hostId);
  const end = (): void => {
    removeFile(join(hostDir, 'address.json'));
    world.processes.end(me);
  };
  const callers = new Set<object>();
  const log = (event: string, more: object = {}): void => {
    world.note(`logs ${event} ${JSON.stringify(more)}`);
  };
  const facts = { stateDir, hostId, instanceId, version: '0', end, log };
  const company = { tasksPerHost: Infinity, connections: () => callers.size, isAtHome: () => true };
  const hosted =
    kind === 'executor' ? executor({ ...facts, ...company }) : new PlayedLogmon(world, me, facts);
  let heardAtMs = world.nowMs;
  const counted =
    (method: Served): Served =>
    (given, signal) => {
      heardAtMs = world.nowMs;
      return method(given, signal);
    };
  const methods = Object.fromEntries(
    Object.entries(hosted.methods).map(([name, method]) => [name, counted(method)]),
  );
  const socket = join(hostDir, 'sock');
  listenersOf(world).set(socket, { process: me, methods, callers });
  const identity = ownIdentity(machineEpoch());
  const protocol = EXECUTOR_PROTOCOL;
  writeAddress(hostDir, { hostId, kind, ...identity, protocol, version: '0', socket });
  const look = (): void => {
    if (hosted.busyWith() === 0 && world.nowMs - heardAtMs >= FORSAKEN_AFTER_MS) return end();
    world.scheduler.after(FORSAKEN_AFTER_MS, me, 'looks whether it is forsaken', look);
  };
  look();
}

function executor(facts: Omit<HostContext, 'kind' | 'machineEpoch'>): Hosted {
  const { instanceId } = facts;
  const shim = { shell: '/bin/sh', script: '/shim', ensureScript: () => undefined };
  const source = { ...shim, instanceId, machineEpoch: machineEpoch() };
  const host = new ExecutorHost(facts, source);
  standIn({ ...facts, ...source, neglected: () => host.neglected() });
  const commands = new OwnCommands({
    shell: source.shell,
    machineEpoch: source.machineEpoch,
    livingRun: (launchKey) => host.livingRun(launchKey),
    children: host.sessionChildren,
  });
  const sessions = new Sessions(commands);
  const handlers = executorHandlers(host);
  const beside = sessionHandlers(sessions, facts.stateDir);
  const forget: typeof handlers.forget = (request, signal) => {
    sessions.forgetRun(request.launchKey);
    return handlers.forget(request, signal);
  };
  const all = Object.entries({ ...handlers, ...beside, forget }).map(([name, handler]) => {
    return [name[0]?.toUpperCase() + name.slice(1), handler as Served] as const;
  });
  const methods = Object.fromEntries(all);
  return { methods, busyWith: () => host.busyWith() + sessions.living };
}
