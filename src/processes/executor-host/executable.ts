import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { errnoOf, HoldfastError } from '../../errors.ts';

const HEAD_BYTES = 256;

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

/** The program after `#!`, as the kernel reads the first line; a stray carriage return is part of its name. */
function interpreterOf(path: string): string | undefined {
  const head = Buffer.alloc(HEAD_BYTES);
  let bytes: number;
  try {
    const fd = openSync(path, 'r');
    try {
      bytes = readSync(fd, head);
    } finally {
      closeSync(fd);
    }
  } catch {
    // A program may be executable without being readable.
    return undefined;
  }
  const text = head.toString('utf8', 0, bytes);
  return /^#![ \t]*([^ \t\n]+)/.exec(text)?.[1];
}
