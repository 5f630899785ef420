/** The processes that hold tasks and their output for the agent: do they live, and do they answer? */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { mostOpenFiles } from '../os/open-files.ts';
import { isAlive, isStopped } from '../os/process-identity.ts';
import { namesIn, textOf } from '../os/quiet-reads.ts';
import { pluginDirs } from '../os/run-roots.ts';
import { hostDirectory, readAddress, type HostAddress } from '../rpc/address-file.ts';
import { hostRoom } from '../rpc/host-room.ts';
import { probeSocket } from '../rpc/unix-socket.ts';
import { PACKAGE_VERSION } from '../version.ts';
import { fine, warning, type Finding } from './finding.ts';

/** Whatever it is for; the agent's own limit is a finding too. */
const FEWEST_FILES = 1_024;
const ADOPTED = 'the next agent replaces it, and another host adopts its tasks';
const STARTED_AGAIN = 'the agent, or the next one, starts it again';

/**
 * Of the agent, and of drivers in processes of their own. `replaced` are the hosts that another one followed, by their
 * ids: what is left of those are their last words.
 */
export async function hosts(
  stateDir: string,
  machineEpoch: string,
  replaced: ReadonlyMap<string, string> = new Map(),
): Promise<readonly Finding[]> {
  const owners = [stateDir, ...pluginDirs(stateDir)];
  const found = await Promise.all(owners.map((dir) => hostsIn(dir, machineEpoch, replaced)));
  const all = found.flat();
  return all.length === 0 ? [fine('hosts', 'none')] : all;
}

async function hostsIn(
  stateDir: string,
  machineEpoch: string,
  replaced: ReadonlyMap<string, string>,
): Promise<readonly Finding[]> {
  const ids = hostIds(join(stateDir, 'hosts'));
  const addresses = await Promise.all(ids.map((id) => readAddress(hostDirectory(stateDir, id))));
  const known = addresses.filter((address) => address !== undefined);
  const found = await Promise.all(
    known.map((address) => hostFinding(address, machineEpoch, replaced)),
  );
  const starts = known.some(
    (one) => one.kind === 'executor' && isAlive(one, machineEpoch) !== 'dead',
  );
  const shim = starts ? shimFinding(join(stateDir, 'hosts')) : [];
  return [...found, ...lostHosts(stateDir), ...shim];
}

/** Processes of this directory whose own directory, by which agents find them, is gone. */
function lostHosts(stateDir: string): readonly Finding[] {
  const pids = namesIn('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const words = textOf(`/proc/${pid}/cmdline`).split('\0');
    const id = words.find((word) => word.startsWith('--host-id='))?.slice('--host-id='.length);
    if (id === undefined || !words.includes(`--state-dir=${stateDir}`)) return [];
    const dir = hostDirectory(stateDir, id);
    if (existsSync(dir)) return [];
    const text = `host ${id} lives (pid ${pid}), and its directory ${dir} was removed: no agent that comes finds it`;
    return [warning('host', text, `kill -9 ${pid}: no task is touched; ${ADOPTED}`)];
  });
}

function shimFinding(dir: string): readonly Finding[] {
  if (namesIn(dir).some((name) => name.startsWith('shim-'))) return [];
  const text = `the script that starts programs, ${dir}/shim-*, was removed`;
  return [warning('shim', text, 'nothing: the next start writes it again')];
}

/** The shim's script lies there too, and the logs of hosts that ended in order, which left no address. */
function hostIds(dir: string): readonly string[] {
  try {
    return readdirSync(dir).filter((name) => statSync(join(dir, name)).isDirectory());
  } catch {
    return [];
  }
}

async function hostFinding(
  address: HostAddress,
  epoch: string,
  replaced: ReadonlyMap<string, string>,
): Promise<Finding> {
  const check = 'host';
  const { hostId: id, kind, pid, version, socket } = address;
  const isDriver = kind === 'driver';
  const driver = basename(dirname(dirname(dirname(socket))));
  const name = isDriver ? `the process ${id} of driver ${driver}` : `${kind} host ${id}`;
  const next = isDriver ? STARTED_AGAIN : ADOPTED;
  if (isAlive(address, epoch) === 'dead') {
    const by = replaced.get(id);
    if (by !== undefined) return fine(check, `${name} has ended, and ${by} took its place`);
    return warning(check, `${name} has ended`, next);
  }
  if (isStopped(pid)) {
    const text = `${name} is stopped: what runs goes on, its end is not noticed`;
    return warning(check, text, `kill -CONT ${pid}`);
  }
  const ear = await probeSocket(socket);
  if (ear === 'listening') {
    const files = mostOpenFiles(pid);
    if (files < FEWEST_FILES) {
      const text = `${name} may open only ${files} files, enough for ${hostRoom(kind, pid)} tasks`;
      return warning(check, text, 'raise ulimit -n of the agent, which starts hosts as it is');
    }
    const other = version === PACKAGE_VERSION ? '' : `, version ${version}`;
    return fine(check, `${name} lives (pid ${pid}${other}) and listens`);
  }
  const remedy = `kill -9 ${pid}: no task is touched; ${next}`;
  return warning(check, `${name} lives (pid ${pid}) and does not listen (${ear})`, remedy);
}
