/** Where a command is below a root of its own, before anything of the run exists. The order is Nomad's. */
import { join } from 'node:path';
import { HoldfastError } from '../errors.ts';
import { assertProgram } from '../os/program-below.ts';
import type { TaskRoot } from '../os/task-root.ts';

export interface IsolatedSearch {
  readonly command: string;
  readonly root: TaskRoot;
  /** Where the task's mounts are, in the order of its spec. */
  readonly mountPoints: readonly string[];
  /** The PATH of the task's environment, looked at after what Nomad looks at. */
  readonly path: string;
}

const NOMAD_PATH = ['/usr/local/bin', '/usr/bin', '/bin'];

/**
 * The absolute path of the program inside. It is never made executable, as Nomad does: that would change a file of
 * somebody else's. Errors: COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE.
 */
export function findIsolatedCommand(search: IsolatedSearch): string {
  const { command, root } = search;
  let blocked: string | undefined;
  for (const path of candidates(search)) {
    const found = root.find(path);
    if (found === undefined) continue;
    if (!found.stats.isFile() || (found.stats.mode & 0o111) === 0) {
      blocked ??= path;
      continue;
    }
    assertProgram(path, found.host, root);
    return path;
  }
  if (blocked !== undefined) {
    const text = `${blocked} is not an executable file of the task`;
    throw new HoldfastError('COMMAND_NOT_EXECUTABLE', text);
  }
  const where = command.includes('/')
    ? `: the task has no ${[...new Set(candidates(search))].join(' or ')}`
    : ` in the task's directory, its mounts or its PATH`;
  const text = `command "${command}" was not found${where}`;
  throw new HoldfastError('COMMAND_NOT_FOUND', text);
}

function candidates(search: IsolatedSearch): readonly string[] {
  const { command, mountPoints, path } = search;
  const own = ['/local', '/', ...mountPoints].map((dir) => join(dir, command));
  if (command.includes('/')) return own;
  const others = path.split(':').filter((dir) => dir.startsWith('/'));
  return [...own, ...[...NOMAD_PATH, ...others].map((dir) => join(dir, command))];
}
