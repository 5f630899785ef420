/** Has this machine what Holdfast and its tasks stand on? */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { arch, release } from 'node:os';
import { messageOf } from '../errors.ts';
import { connect } from '../log/sqlite.ts';
import { machineEpoch } from '../os/machine-epoch.ts';
import { amountOf, limitsIn } from '../os/open-files.ts';
import { textOf } from '../os/quiet-reads.ts';
import { counted, failure, fine, warning, type Finding } from './finding.ts';

const OLDEST_NODE = [22, 14] as const;

/** `agentPid` is whose limits count, 0 without an agent: then those of whoever starts one here. */
export async function environment(agentPid = 0): Promise<readonly Finding[]> {
  const limits = limitsOf(agentPid);
  return [
    fine('system', `Linux ${release()} on ${arch()}`),
    node(),
    sqlite(),
    await systemCalls(),
    ...programs(),
    processTable(),
    hiddenProcesses(),
    cgroup(),
    openFiles(limits),
    processes(limits),
    ...(await capabilities()),
  ];
}

/** What tasks may ask for. What is missing is no fault of a machine: a task that needs it is refused. */
async function capabilities(): Promise<readonly Finding[]> {
  const { machineCapabilities } = await import('../os/machine-capabilities.ts');
  return (await machineCapabilities()).map(({ name, isAvailable, reason }) =>
    isAvailable ? fine(name, reason) : warning(name, `missing: ${reason}`),
  );
}

function node(): Finding {
  const { node: version } = process.versions;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  if (!isOld) return fine('node', `${version} (${process.execPath})`);
  return failure('node', `${version} is too old`, `install Node ${OLDEST_NODE.join('.')} or newer`);
}

function sqlite(): Finding {
  try {
    const memory = connect(':memory:');
    const version = String(memory.prepare('SELECT sqlite_version()').pluck().get());
    memory.close();
    return fine('sqlite', version);
  } catch (error) {
    return failure('sqlite', messageOf(error), 'npm rebuild better-sqlite3');
  }
}

/** What Node has no call for goes through koffi: loaded here, so that its absence is a finding and not an error. */
async function systemCalls(): Promise<Finding> {
  try {
    const { memoryFile } = await import('../os/libc.ts');
    const { closeSync } = await import('node:fs');
    closeSync(memoryFile('holdfast-doctor'));
    return fine('system calls', 'memfd_create works through koffi');
  } catch (error) {
    return failure('system calls', messageOf(error), 'npm rebuild koffi');
  }
}

/** What the shim, the parent of every program, is made of: by these very paths. */
const PROGRAMS: readonly (readonly [check: string, argv: readonly string[], remedy: string])[] = [
  ['sh', ['/bin/sh', '-c', 'set -C; jobs; exec 3<>/dev/null'], 'install a POSIX shell as /bin/sh'],
  [
    'env',
    ['/usr/bin/env', '-S', "-i --default-signal=INT,QUIT 'A.B='${PATH}", '/usr/bin/true'],
    'install GNU coreutils 8.31 or newer',
  ],
  ['setsid', ['/usr/bin/setsid', '--wait', '/usr/bin/true'], 'install util-linux'],
  ['sync', ['/usr/bin/sync', '-d', '/bin/sh'], 'install GNU coreutils 8.31 or newer'],
  ['nice', ['/usr/bin/nice', '-n', '0', '/usr/bin/true'], 'install GNU coreutils 8.31 or newer'],
];

function programs(): readonly Finding[] {
  return PROGRAMS.map(([check, [path = '', ...args], remedy]) => {
    const { status, error, stderr } = spawnSync(path, args, {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin' },
      timeout: 10_000,
    });
    if (status === 0) return fine(check, `${path} does what is needed of it`);
    const [reason = ''] = (error === undefined ? stderr : messageOf(error)).trim().split('\n');
    return failure(check, `${path} does not do what is needed of it (${reason})`, remedy);
  });
}

/** Every process is recognised by what /proc tells of it. */
function processTable(): Finding {
  try {
    return fine('machine epoch', machineEpoch());
  } catch (error) {
    return failure('machine epoch', messageOf(error), 'mount procfs on /proc');
  }
}

function hiddenProcesses(): Finding {
  const options = mountOptions('/proc');
  const hidden = /\bhidepid=(\w+)/.exec(options)?.[1];
  if (hidden === undefined || hidden === '0' || hidden === 'off') {
    return fine('process table', 'every process can be seen');
  }
  return warning(
    'process table',
    `/proc is mounted with hidepid=${hidden}: processes of other users cannot be seen`,
    process.geteuid?.() === 0 ? null : 'run holdfast doctor as root to see them all',
  );
}

function mountOptions(place: string): string {
  const mounts = textOf('/proc/self/mountinfo').split('\n');
  const line = mounts.findLast((mount) => mount.split(' ')[4] === place) ?? '';
  // Options of the mount stand before the dash, those of the file system behind it.
  return `${line.split(' ')[5] ?? ''},${line.split(' - ')[1]?.split(' ')[2] ?? ''}`;
}

function cgroup(): Finding {
  const root = '/sys/fs/cgroup';
  if (existsSync(`${root}/cgroup.controllers`)) return fine('cgroup', `version 2 at ${root}`);
  if (existsSync(`${root}/unified/cgroup.procs`)) {
    return fine('cgroup', `versions 1 and 2 (${root}/unified)`);
  }
  if (existsSync(`${root}/pids`)) return fine('cgroup', `version 1 at ${root}`);
  return warning('cgroup', `there is none at ${root}: trees of processes are told by their marks`);
}

/** What is needed without one task; each task takes some of a host's. */
const FEWEST_FILES = 1_024;

function openFiles({ whose, hardLimit }: Limits): Finding {
  const limit = hardLimit('Max open files');
  if (limit >= FEWEST_FILES) return fine('open files', `${limit} for ${whose}`);
  return warning('open files', `only ${limit} for ${whose}`, 'raise ulimit -n, and start it anew');
}

const FEWEST_PROCESSES = 512;

function processes({ hardLimit }: Limits): Finding {
  const limit = Math.min(hardLimit('Max processes'), Number(textOf('/proc/sys/kernel/pid_max')));
  if (limit >= FEWEST_PROCESSES) return fine('processes', counted(limit, 'process', 'processes'));
  return warning('processes', `only ${limit}`, 'raise ulimit -u or kernel.pid_max');
}

interface Limits {
  readonly whose: string;
  /** Node raises the soft one to it. */
  readonly hardLimit: (title: string) => number;
}

/** An agent of another user or pid namespace shows nobody its own. */
function limitsOf(agentPid: number): Limits {
  const ofAgent = agentPid === 0 ? '' : textOf(`/proc/${agentPid}/limits`);
  const text = ofAgent || textOf('/proc/self/limits');
  return {
    whose: ofAgent === '' ? 'a process' : `the agent (pid ${agentPid})`,
    hardLimit: (title) => amountOf(limitsIn(text, title)[1]),
  };
}
