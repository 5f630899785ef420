import { accessSync, constants, statSync } from 'node:fs';
import { errnoOf, HoldfastError, isExhaustion } from '../../errors.ts';
import {
  lineEndHint,
  MOST_INTERPRETERS,
  readProgramFile,
  shownPath,
} from '../../os/program-file.ts';

/**
 * Looks at everything that execve(2) would refuse, before anything is started: a start that fails here is proved not to
 * have happened. Throws COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE or START_RETRYABLE with the reason.
 */
export function assertExecutable(path: string): void {
  let at = path;
  let name = path;
  for (let scripts = 0; scripts <= MOST_INTERPRETERS; scripts += 1) {
    assertRunnableFile(at, name);
    const found = readProgramFile(at);
    if (found.is === 'neither') {
      throw new HoldfastError('COMMAND_NOT_EXECUTABLE', `${name} ${found.why}`);
    }
    if (found.is === 'program') return;
    at = found.interpreter;
    name = `${shownPath(at)}, the interpreter of ${path},`;
  }
}

/** `name` is what it is called in a sentence. */
function assertRunnableFile(path: string, name: string): void {
  try {
    if (!statSync(path).isFile()) {
      throw new HoldfastError('COMMAND_NOT_EXECUTABLE', `${name} is not a file`);
    }
    accessSync(path, constants.X_OK);
  } catch (error) {
    if (HoldfastError.is(error)) throw error;
    const errno = errnoOf(error);
    if (isExhaustion(errno)) {
      const text = `${name} cannot be looked at (${errno})`;
      throw new HoldfastError('START_RETRYABLE', text, { cause: error });
    }
    const isMissing = errno === 'ENOENT' || errno === 'ENOTDIR';
    const code = isMissing ? 'COMMAND_NOT_FOUND' : 'COMMAND_NOT_EXECUTABLE';
    const missing = `does not exist${lineEndHint(path)}`;
    const reason = isMissing ? missing : `cannot be executed (${errno})`;
    throw new HoldfastError(code, `${name} ${reason}`, { cause: error });
  }
}
