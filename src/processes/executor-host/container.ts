/** Containers from the host's side: what a shim needs to make one, and what is done for one whose shim was killed. */
import { mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { HoldfastError, messageOf } from '../../errors.ts';
import { makeFifo, spawnSession } from '../../os/libc.ts';
import { createFailure, isCreated, isWaiting, runcRoot } from '../../os/oci-files.ts';
import { ociPrograms } from '../../os/oci-programs.ts';
import { conmonLife } from '../../os/run-directory.ts';
import type { LaunchRequest, Limits } from '../../rpc/gen/holdfast/executor/v1/executor.ts';
import { prepareCgroup } from './run-cgroup.ts';
import { ociConfig, type DeviceNode } from './oci-config.ts';

/** What a shim is given: the words on its fd 0, and arguments after its first three. */
export interface ShimWords {
  readonly text: string;
  readonly args: readonly string[];
}

/** Throws CAPABILITY_MISSING or START_FAILED: nothing has been started then. */
export function containerWords(runDir: string, request: LaunchRequest): ShimWords {
  const { runc, conmon } = ociPrograms();
  if (runc === undefined || conmon === undefined) {
    const missing = runc === undefined ? 'runc' : 'conmon';
    throw new HoldfastError('CAPABILITY_MISSING', `${missing} is not on this machine`);
  }
  const { isolation, cgroup = '', limits } = request.confinement ?? {};
  if (cgroup === '') {
    throw new HoldfastError('CAPABILITY_MISSING', 'an isolated task needs a cgroup');
  }
  const devices = (isolation?.devices ?? []).map(({ source }) => deviceNode(source));
  prepareContainer(runDir);
  prepareCgroup({ cgroup, launchKey: request.launchKey }, limits);
  const config = ociConfig(request, devices);
  return { text: JSON.stringify(config), args: [request.launchKey, conmon, runc] };
}

/** The descriptor in which a shim hands the configuration on. */
const CONFIG_LINK = '/proc/self/fd/6';

/** Makes what a shim needs to create the container. Repeatable. */
function prepareContainer(runDir: string): void {
  const oci = join(runDir, 'oci');
  for (const name of ['bundle', 'code', 'persist']) mkdirSync(join(oci, name), { recursive: true });
  const link = join(oci, 'bundle', 'config.json');
  rmSync(link, { force: true });
  symlinkSync(CONFIG_LINK, link);
  try {
    makeFifo(join(oci, 'sync'));
  } catch (error) {
    if (!HoldfastError.is(error, 'ALREADY_EXISTS')) throw error;
  }
}

function deviceNode(path: string): DeviceNode {
  try {
    const found = statSync(path, { bigint: true });
    const isBlock = found.isBlockDevice();
    if (!isBlock && !found.isCharacterDevice()) throw new TypeError('it is no device');
    return {
      type: isBlock ? 'b' : 'c',
      ...numbersOf(found.rdev),
      fileMode: Number(found.mode & 0o777n),
      uid: Number(found.uid),
      gid: Number(found.gid),
    };
  } catch (error) {
    throw new HoldfastError('START_FAILED', `device ${path}: ${messageOf(error)}`);
  }
}

/** glibc's gnu_dev_major and gnu_dev_minor. */
function numbersOf(rdev: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  };
}

/** What runc says of a machine that is short of something for a moment. */
const FOR_A_MOMENT = /resource temporarily unavailable|cannot allocate memory|too many open files/i;
/** `exec: "x": executable file not found in $PATH`, `exec: "/x": stat /x: no such file or directory`. */
const NO_SUCH_PROGRAM = /\bexec: .*(not found|no such file or directory)/;
const NO_PROGRAM = /\bexec: .*permission denied/;

/** Why the shim made no container; undefined for a run that is none, or when nobody said why. */
export function containerFailure(
  runDir: string,
  limits: Limits | undefined,
): HoldfastError | undefined {
  const text = createFailure(runDir);
  if (text === undefined) return undefined;
  const { pids = 0 } = limits ?? {};
  if (pids === 0 || pids >= PIDS_OF_RUNTIME) return failureOf(text);
  const why = `the limit of ${pids} pids leaves too few to make a container`;
  return new HoldfastError('START_FAILED', `${why}: ${text}`);
}

/** With as many the threads of runc's first process have never been too many. */
const PIDS_OF_RUNTIME = 10;

/** What runc's words mean. */
export function failureOf(text: string): HoldfastError {
  if (FOR_A_MOMENT.test(text)) return new HoldfastError('START_RETRYABLE', text);
  if (NO_SUCH_PROGRAM.test(text)) return new HoldfastError('COMMAND_NOT_FOUND', text);
  if (NO_PROGRAM.test(text)) return new HoldfastError('COMMAND_NOT_EXECUTABLE', text);
  return new HoldfastError('START_FAILED', text);
}

/**
 * The shim was killed before `identity`: the container, as far as there is one, will never be let go. True when nothing
 * of it is left; otherwise ask again.
 */
export function removeUnidentified(runDir: string): boolean {
  if (isCreated(runDir)) {
    // crash point: executor.container.remove
    runc(runDir, ['delete', '--force']);
    return false;
  }
  return conmonLife(runDir) === 'dead';
}

/** The shim was killed after `identity`: it was decided that the program runs, and somebody has to let it go. */
export function letGo(runDir: string): void {
  if (!isWaiting(runDir)) return;
  // crash point: executor.container.let-go
  runc(runDir, ['start']);
}

/** Its end is recorded: what runc keeps of it goes. */
export function forgetContainer(runDir: string): void {
  if (isCreated(runDir)) runc(runDir, ['delete', '--force']);
}

/** Not waited for: `Watch` counts it when it ends, and what it did is seen in the files. */
function runc(runDir: string, words: readonly string[]): void {
  const path = ociPrograms().runc;
  if (path === undefined) return;
  const argv = [path, '--root', runcRoot(runDir), ...words, basename(runDir)];
  spawnSession({ path, argv, environment: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'] });
}
