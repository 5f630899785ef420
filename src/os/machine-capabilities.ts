/** What this machine can do for tasks, each with the reason: probed once, asked for by name. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';
import { cgroupAnswers, type CgroupAnswers, noCgroups } from './cgroup-answers.ts';
import { machineCgroups } from './cgroup-layout.ts';
import { whyNoMemoryDirs } from './memory-dir.ts';
import { ociPrograms } from './oci-programs.ts';
import { whyNoTerminals } from './terminal.ts';

/** In the order in which they are shown. */
export const CAPABILITY_NAMES = [
  'executor.universal',
  'executor.isolated',
  'cgroup.tracking',
  'cgroup.kill',
  'limits.memory',
  'limits.cpu',
  'limits.cpuset',
  'limits.pids',
  'oom-report',
  'network-namespace',
  'network.own',
  'mount-propagation',
  'terminal',
  'switch-user',
  'memory-dirs',
] as const;

export type CapabilityName = (typeof CAPABILITY_NAMES)[number];

export interface MachineCapability {
  readonly name: CapabilityName;
  readonly isAvailable: boolean;
  /** Why not, or by what. */
  readonly reason: string;
}

/** What everything else is concluded from. */
export interface MachineFacts {
  readonly isRoot: boolean;
  readonly cgroups: CgroupAnswers;
  /** Whether each can be used, by what or why not. */
  readonly runc: Answer;
  readonly conmon: Answer;
  readonly setpriv: Answer;
  readonly nsenter: Answer;
  readonly ip: Answer;
  readonly terminal: Answer;
  readonly memoryDirs: Answer;
}

export interface Answer {
  readonly isAvailable: boolean;
  readonly reason: string;
}

let probed: Promise<readonly MachineCapability[]> | undefined;
let concluded: readonly MachineCapability[] | undefined;

/** Of this machine; the programs are run once and never again. Never rejects. */
export function machineCapabilities(): Promise<readonly MachineCapability[]> {
  probed ??= probe().then((facts) => (concluded = conclude(facts)));
  return probed;
}

/**
 * Throws CAPABILITY_MISSING with the reason; `who` asks, as in "task web". UNAVAILABLE before anybody has awaited
 * `machineCapabilities`.
 */
export function assertCapability(name: CapabilityName, who: string): void {
  if (concluded === undefined) {
    throw new HoldfastError('UNAVAILABLE', 'what this machine can do is not known yet');
  }
  const found = concluded.find((one) => one.name === name);
  if (found?.isAvailable === true) return;
  const reason = found?.reason ?? 'nobody has looked';
  throw new HoldfastError('CAPABILITY_MISSING', `${who} needs ${name}: ${reason}`, {
    details: { capability: name, reason },
  });
}

/** As `assertCapability`, and looks first. */
export async function requireCapability(name: CapabilityName, who: string): Promise<void> {
  await machineCapabilities();
  assertCapability(name, who);
}

/** Pure. */
export function conclude(facts: MachineFacts): readonly MachineCapability[] {
  const { isRoot, cgroups, runc, conmon, setpriv, nsenter, ip, terminal, memoryDirs } = facts;
  const { tracking, kill, limits } = cgroups;
  const asRoot: Answer = isRoot ? yes('running as root') : no('only root may do it');
  const isolated = all('runc and conmon', asRoot, runc, conmon, tracking);
  const answers: Readonly<Record<CapabilityName, Answer>> = {
    'executor.universal': yes('every process of this machine'),
    'executor.isolated': isolated,
    'cgroup.tracking': tracking.isAvailable
      ? tracking
      : no(`best effort by marks and sessions: ${tracking.reason}`),
    'cgroup.kill': kill,
    'limits.memory': limits.memory,
    'limits.cpu': limits.cpu,
    'limits.cpuset': limits.cpuset,
    'limits.pids': limits.pids,
    // The counter is one of the memory controller's.
    'oom-report': limits.memory,
    'network-namespace': all('joined by nsenter', asRoot, nsenter),
    'network.own': all('made by ip, joined by nsenter', asRoot, nsenter, ip),
    'mount-propagation': isolated.isAvailable ? yes('mounts of isolated tasks') : isolated,
    terminal,
    'switch-user': all('by setpriv', asRoot, setpriv),
    'memory-dirs': memoryDirs,
  };
  return CAPABILITY_NAMES.map((name) => ({ name, ...answers[name] }));
}

function yes(reason: string): Answer {
  return { isAvailable: true, reason };
}

function no(reason: string): Answer {
  return { isAvailable: false, reason };
}

/** The first obstacle, or `reason`. */
function all(reason: string, ...answers: readonly Answer[]): Answer {
  return answers.find(({ isAvailable }) => !isAvailable) ?? yes(reason);
}

async function probe(): Promise<MachineFacts> {
  const { runc, conmon } = ociPrograms();
  const [ofRunc, ofConmon, setpriv, nsenter, ip] = await Promise.all([
    runs('runc', runc, ['--version']),
    runs('conmon', conmon, ['--version']),
    runs('setpriv', '/usr/bin/setpriv', ['--version']),
    runs('nsenter', '/usr/bin/nsenter', ['--version']),
    runs('ip', 'ip', ['-Version']),
  ]);
  return {
    isRoot: process.geteuid?.() === 0,
    cgroups: cgroupsOfMachine(),
    runc: ofRunc,
    conmon: ofConmon,
    setpriv,
    nsenter,
    ip,
    terminal: terminalAnswer(),
    memoryDirs: memoryAnswer(),
  };
}

function cgroupsOfMachine(): CgroupAnswers {
  try {
    return cgroupAnswers(machineCgroups());
  } catch (error) {
    return noCgroups(messageOf(error));
  }
}

const PROBE_LIMIT_MS = 10_000;

async function runs(name: string, path: string | undefined, args: string[]): Promise<Answer> {
  if (path === undefined) return no(`${name} is not installed`);
  try {
    const options = { timeout: PROBE_LIMIT_MS, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } };
    const { stdout } = await promisify(execFile)(path, args, options);
    return yes(stdout.split('\n')[0] ?? name);
  } catch (error) {
    const isMissing = errnoOf(error) === 'ENOENT';
    return no(isMissing ? `${name} is not installed` : `${path} does not run: ${messageOf(error)}`);
  }
}

/** node-pty is loaded for it; a host loads it for the first session that has a terminal. */
function terminalAnswer(): Answer {
  const reason = whyNoTerminals();
  return reason === undefined ? yes('node-pty') : no(reason);
}

/** Secrets in files are in memory there. */
function memoryAnswer(): Answer {
  const reason = whyNoMemoryDirs();
  return reason === undefined ? yes('tmpfs') : no(reason);
}
