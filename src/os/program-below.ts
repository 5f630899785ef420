/** Whether a file below a root of its own is a program for the kernel, and its interpreters are there. */
import { HoldfastError } from '../errors.ts';
import { lineEndHint, MOST_INTERPRETERS, readProgramFile, shownPath } from './program-file.ts';
import type { TaskRoot } from './task-root.ts';

/**
 * `path` is what it is called there, `host` where it is on the machine. runc lets a program go before it fails, and its
 * end could not be told from one of its own. Throws COMMAND_NOT_FOUND or COMMAND_NOT_EXECUTABLE.
 */
export function assertProgram(path: string, host: string, root: TaskRoot): void {
  let [at, name] = [host, path];
  for (let scripts = 0; scripts <= MOST_INTERPRETERS; scripts += 1) {
    const file = readProgramFile(at);
    if (file.is === 'neither') {
      throw new HoldfastError('COMMAND_NOT_EXECUTABLE', `${name} ${file.why}`);
    }
    if (file.is === 'program') return;
    const { interpreter } = file;
    const found = root.find(interpreter);
    if (found?.stats.isFile() !== true) {
      const missing = `does not exist below the task's root${lineEndHint(interpreter)}`;
      const text = `${path}: its interpreter ${shownPath(interpreter)} ${missing}`;
      throw new HoldfastError('COMMAND_NOT_FOUND', text);
    }
    at = found.host;
    name = `${path}: its interpreter ${interpreter}`;
  }
}
