import { accessSync, constants, statSync } from 'node:fs';
import { errnoOf, HoldfastError } from '../../errors.ts';
import { interpreterOf } from '../../os/interpreter.ts';

/**
 * Looks at everything that execve(2) would refuse, before anything is started: a start that fails here is proved not to
 * have happened. Throws COMMAND_NOT_FOUND or COMMAND_NOT_EXECUTABLE with the reason.
 */
export function assertExecutable(path: string): void {
  assertRunnableFile(path, path);
  const interpreter = interpreterOf(path);
  if (interpreter !== undefined) assertRunnableFile(interpreter, path);
}

function assertRunnableFile(path: string, command: string): void {
  const through = path === command ? '' : `, the interpreter of ${command},`;
  try {
    if (!statSync(path).isFile()) {
      throw new HoldfastError('COMMAND_NOT_EXECUTABLE', `${path}${through} is not a file`);
    }
    accessSync(path, constants.X_OK);
  } catch (error) {
    if (HoldfastError.is(error)) throw error;
    const errno = errnoOf(error);
    const isMissing = errno === 'ENOENT' || errno === 'ENOTDIR';
    const code = isMissing ? 'COMMAND_NOT_FOUND' : 'COMMAND_NOT_EXECUTABLE';
    const reason = isMissing ? 'does not exist' : `cannot be executed (${errno})`;
    throw new HoldfastError(code, `${path}${through} ${reason}`, { cause: error });
  }
}
