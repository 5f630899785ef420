/** Where the command of a session is, before anything is opened for it. */
import { isAbsolute, join, resolve } from 'node:path';
import { HoldfastError } from '../../errors.ts';
import { assertProgram } from '../../os/program-below.ts';
import { TaskRoot } from '../../os/task-root.ts';
import type { OpenSessionRequest } from '../../rpc/gen/holdfast/executor/v1/sessions.ts';

export interface CommandPlace {
  isDirectory(path: string): boolean;
  /** Throws COMMAND_NOT_FOUND or COMMAND_NOT_EXECUTABLE. */
  assertExecutable(path: string): void;
}

/** As the program with this pid sees the files; undefined when one cannot look there. */
export function insideOf(pid: number): CommandPlace | undefined {
  const root = new TaskRoot(`/proc/${pid}/root`, []);
  if (root.find('/') === undefined) return undefined;
  return {
    isDirectory: (path) => root.find(path)?.stats.isDirectory() === true,
    assertExecutable(path) {
      const found = root.find(path);
      if (found === undefined)
        throw new HoldfastError('COMMAND_NOT_FOUND', `${path} does not exist`);
      if (!found.stats.isFile() || (found.stats.mode & 0o111) === 0) {
        throw new HoldfastError('COMMAND_NOT_EXECUTABLE', `${path} is not an executable file`);
      }
      assertProgram(path, found.host, root);
    },
  };
}

/**
 * The absolute path of the command, as a shell in `cwd` would find it. Errors: COMMAND_NOT_FOUND,
 * COMMAND_NOT_EXECUTABLE, NOT_FOUND for a working directory that is missing.
 */
export function findSessionCommand(
  { argv, env, cwd }: Pick<OpenSessionRequest, 'argv' | 'env' | 'cwd'>,
  place: CommandPlace,
): string {
  const [command = ''] = argv;
  if (!place.isDirectory(cwd)) {
    throw new HoldfastError('NOT_FOUND', `the working directory ${cwd} is missing`);
  }
  if (command.includes('/')) {
    const path = resolve(cwd, command);
    place.assertExecutable(path);
    return path;
  }
  const path = env['PATH'] ?? '';
  let blocked: HoldfastError | undefined;
  for (const dir of path.split(':')) {
    if (!isAbsolute(dir)) continue;
    try {
      place.assertExecutable(join(dir, command));
      return join(dir, command);
    } catch (error) {
      if (!HoldfastError.is(error, 'COMMAND_NOT_FOUND')) blocked ??= HoldfastError.from(error);
    }
  }
  if (blocked !== undefined) throw blocked;
  const text = `command "${command}" was not found on PATH ${path}`;
  throw new HoldfastError('COMMAND_NOT_FOUND', text);
}
