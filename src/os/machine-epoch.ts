import { readFileSync, readlinkSync } from 'node:fs';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';
import { parseProcStat } from './proc-stat.ts';

/**
 * Names the time during which pids of this machine mean something: boot id, pid namespace and start time of pid 1. The
 * boot id alone would miss an agent inside a restarted container. `proc` is where procfs is mounted.
 * Throws INTERNAL where there is none, UNAVAILABLE where it cannot be read just now: nothing may be judged by pid then.
 */
export function machineEpoch(proc = '/proc'): string {
  try {
    const bootId = readFileSync(`${proc}/sys/kernel/random/boot_id`, 'latin1').trim();
    const namespace = /\d+/.exec(readlinkSync(`${proc}/self/ns/pid`))?.[0];
    const init = parseProcStat(readFileSync(`${proc}/1/stat`, 'latin1'));
    if (bootId === '' || namespace === undefined || init === undefined) {
      throw new Error(`${proc} has an unknown form`);
    }
    return `${bootId}.${namespace}.${init.startTime}`;
  } catch (error) {
    const errno = errnoOf(error);
    const code = errno === undefined || LASTING.has(errno) ? 'INTERNAL' : 'UNAVAILABLE';
    throw new HoldfastError(code, `no machine epoch: ${messageOf(error)}`, { cause: error });
  }
}

/** What says that procfs is not there, or not for us. */
const LASTING = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EINVAL']);
