/** Where a command is, before anything of the run exists. The order is Nomad's for programs without an own root. */
import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { errnoOf, HoldfastError } from '../errors.ts';

export interface CommandSearch {
  readonly command: string;
  /** The task's own directory: `local/bin` and `bin` below it come first. */
  readonly taskDir: string;
  /** The PATH of the task's environment. */
  readonly path: string;
}

/** The absolute path of the program. Errors: COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE. */
export function findCommand(search: CommandSearch): string {
  let blocked: string | undefined;
  for (const candidate of candidates(search)) {
    const kind = look(candidate);
    if (kind === 'program') return candidate;
    if (kind === 'blocked') blocked ??= candidate;
  }
  if (blocked !== undefined) {
    throw new HoldfastError('COMMAND_NOT_EXECUTABLE', `${blocked} is not an executable file`);
  }
  const text = `command "${search.command}" was not found${whereText(search)}`;
  throw new HoldfastError('COMMAND_NOT_FOUND', text);
}

function whereText(search: CommandSearch): string {
  const { command, path } = search;
  if (isAbsolute(command)) return '';
  if (!command.includes('/')) return ` in the task directory or on PATH ${path}`;
  const places = candidates(search).join(' or ');
  return `: there is no ${places} (it is relative to the task's directory, not to workDir)`;
}

function candidates({ command, taskDir, path }: CommandSearch): readonly string[] {
  if (isAbsolute(command)) return [command];
  const own = [join(taskDir, 'local', 'bin'), join(taskDir, 'bin')];
  if (command.includes('/'))
    return [join(taskDir, command), ...own.map((dir) => join(dir, command))];
  const dirs = [...own, ...path.split(':').filter((dir) => isAbsolute(dir))];
  return dirs.map((dir) => join(dir, command));
}

/** Synchronous: a dozen looks take less than one trip to the thread pool. */
function look(path: string): 'none' | 'blocked' | 'program' {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return 'none';
    if (!found.isFile()) return 'blocked';
    accessSync(path, constants.X_OK);
    return 'program';
  } catch (error) {
    return errnoOf(error) === 'EACCES' ? 'blocked' : 'none';
  }
}
