/** How a command beside a program is started: looked up, then through a shell that has its words from memory. */
import { closeSync, existsSync, fchownSync, statSync, chownSync, writeSync } from 'node:fs';
import { spawnAttached } from '../../../os/attached-process.ts';
import { memoryFile } from '../../../os/libc.ts';
import type { User } from '../../../rpc/gen/holdfast/executor/v1/executor.ts';
import type { OpenSessionRequest } from '../../../rpc/gen/holdfast/executor/v1/sessions.ts';
import { type Confining, confiningChain, lastLimits, UNCONFINED } from '../chain.ts';
import { joinFiles } from '../run-cgroup.ts';
import { programText } from '../shim.ts';
import { type CommandPlace, findSessionCommand } from '../../sessions/session-command.ts';
import { marksOf } from '../../sessions/session-marks.ts';
import { assertExecutable } from '../executable.ts';

/**
 * What stands before the command, in its process: fd 3 is the file with its words, so that neither a list of
 * processes nor the disk shows a secret. It joins the run's cgroup and gives its rights away as the shim's child does.
 * Its status is that of a shell: 126 or 127 when the command cannot begin.
 */
const SESSION_TEXT = `
put() {
  echo "$1" >"$2" || exit 126
}
confine() {
  exec "$@"
}
umask 022
. /proc/self/fd/3
exec 3<&-
confine /bin/sh -c 'cd "$1" 2>/dev/null || {
  who=$(/usr/bin/id -un 2>/dev/null) || who=$(/usr/bin/id -u)
  echo "user $who may not enter the working directory $1: choose another with -w" >&2
  exit 126
}
environment=$2
shift 2
exec /usr/bin/env -S "$environment" "$@"' sh "$cwd" "$environment" "$@"
`;

/** What a command of a session starts as: a program, its arguments, its environment and what it reads as fd 3. */
export interface SessionStart {
  /** Absolute path. */
  readonly path: string;
  readonly args: readonly string[];
  readonly words: string;
}

const onMachine: CommandPlace = {
  isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
  assertExecutable,
};

/** Throws COMMAND_NOT_FOUND and the like: nothing has been opened then. */
export function universalStart(request: OpenSessionRequest, shell: string): SessionStart {
  const { argv, cwd } = request;
  const command = findSessionCommand(request, onMachine);
  const confining = confiningOf(request);
  const env = { ...request.env, ...marksOf(request) };
  const words = programText({ command, args: argv.slice(1), env, cwd, confining });
  return { path: shell, args: ['-c', SESSION_TEXT], words };
}

function confiningOf({ confinement }: OpenSessionRequest): Confining {
  if (confinement === undefined) return UNCONFINED;
  const { cgroup, limits, oomScoreAdj } = confinement;
  return {
    // A run that an older agent began has none.
    joins: joinFiles(cgroup, limits).filter((file) => existsSync(file)),
    oomScoreAdj,
    // Nothing is written down on the way.
    chain: [...confiningChain(confinement, process.geteuid?.() ?? 0), ...lastLimits(confinement)],
    last: [],
  };
}

/** The pid of the process that becomes the command: a session's leader with `ends` as fd 0, 1 and 2. */
export function startCommand(
  request: OpenSessionRequest,
  start: SessionStart,
  ends: readonly (number | string)[],
): number {
  const { user } = request.confinement ?? {};
  if (user !== undefined) for (const end of ends) giveTo(user, end);
  const words = memoryFile('holdfast-session');
  try {
    const bytes = Buffer.from(start.words);
    for (let at = 0; at < bytes.length;) at += writeSync(words, bytes, at);
    // Marked from its first moment: whoever stops the run finds it.
    const marked = Object.entries(marksOf(request)).map(([name, value]) => `${name}=${value}`);
    return spawnAttached({
      path: start.path,
      argv: [start.path, ...start.args],
      environment: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', ...marked],
      descriptors: [...ends, words],
    });
  } finally {
    closeSync(words);
  }
}

/** The command may open /dev/stdout or its terminal by itself; a terminal's group stays, which is write(1)'s. */
function giveTo({ uid, gid }: User, end: number | string): void {
  if (typeof end === 'number') fchownSync(end, uid, gid);
  else chownSync(end, uid, statSync(end).gid);
}
