/** How a command beside a program is started: looked up, then through a shell that has its words from memory. */
import { closeSync, statSync, writeSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { HoldfastError } from '../../../errors.ts';
import { spawnAttached } from '../../../os/attached-process.ts';
import { memoryFile } from '../../../os/libc.ts';
import type { OpenSessionRequest } from '../../../rpc/gen/holdfast/executor/v1/sessions.ts';
import { assertExecutable } from '../executable.ts';
import { programText } from '../shim.ts';

/** Beside the mark of the run: tells the processes of one session from the others of the run. */
export const SESSION_VARIABLE = 'HOLDFAST_SESSION';

/**
 * What stands before the command, in its process: fd 3 is the file with its words, so that neither a list of
 * processes nor the disk shows a secret. Its status is that of a shell: 126 or 127 when the command cannot begin.
 */
const SESSION_TEXT = `
umask 022
. /proc/self/fd/3
exec 3<&-
cd "$cwd" || exit 126
exec /usr/bin/env -S "$environment" "$@"
`;

/**
 * The absolute path of the command, as a shell in `cwd` would find it. Errors: COMMAND_NOT_FOUND,
 * COMMAND_NOT_EXECUTABLE, START_FAILED for a working directory that is missing.
 */
export function findSessionCommand({ argv, env, cwd }: OpenSessionRequest): string {
  const [command = ''] = argv;
  if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) {
    throw new HoldfastError('START_FAILED', `the working directory ${cwd} is missing`);
  }
  if (command.includes('/')) {
    const path = resolve(cwd, command);
    assertExecutable(path);
    return path;
  }
  const path = env['PATH'] ?? '';
  let blocked: HoldfastError | undefined;
  for (const dir of path.split(':')) {
    if (!isAbsolute(dir)) continue;
    try {
      assertExecutable(join(dir, command));
      return join(dir, command);
    } catch (error) {
      if (!HoldfastError.is(error, 'COMMAND_NOT_FOUND')) blocked ??= HoldfastError.from(error);
    }
  }
  if (blocked !== undefined) throw blocked;
  const text = `command "${command}" was not found on PATH ${path}`;
  throw new HoldfastError('COMMAND_NOT_FOUND', text);
}

/** The pid of the process that becomes the command: a session's leader with `ends` as fd 0, 1 and 2. */
export function startCommand(
  request: OpenSessionRequest,
  shell: string,
  ends: readonly (number | string)[],
): number {
  const command = findSessionCommand(request);
  const marks = { HOLDFAST_MARK: request.mark, [SESSION_VARIABLE]: request.session };
  const env = { ...request.env, ...marks };
  const { argv, cwd } = request;
  const words = memoryFile('holdfast-session');
  try {
    const bytes = Buffer.from(programText({ command, args: argv.slice(1), env, cwd }));
    for (let at = 0; at < bytes.length;) at += writeSync(words, bytes, at);
    // Marked from its first moment: whoever stops the run finds it.
    const marked = Object.entries(marks).map(([name, value]) => `${name}=${value}`);
    return spawnAttached({
      path: shell,
      argv: [shell, '-c', SESSION_TEXT],
      environment: ['PATH=/usr/bin:/bin', ...marked],
      descriptors: [...ends, words],
    });
  } finally {
    closeSync(words);
  }
}
