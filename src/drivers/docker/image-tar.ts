/** The tar of a task that its image is loaded from. */
import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { errnoOf, HoldfastError } from '../../errors.ts';

/**
 * Opened, and proved to lie in the task's directory, whatever links lead to it. Errors: DRIVER_CONFIG_INVALID. Whoever
 * opened it closes it.
 */
export async function openImageTar(taskDir: string, path: string): Promise<FileHandle> {
  const wrong = (why: string): HoldfastError =>
    new HoldfastError('DRIVER_CONFIG_INVALID', `docker: load: ${path} ${why}`);
  let file: FileHandle;
  try {
    // A pipe that nobody writes would be waited for.
    file = await open(join(taskDir, path), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw wrong(`cannot be read: ${errnoOf(error) ?? 'unknown'}`);
  }
  try {
    // What was opened is asked, not the path: that may lead elsewhere by now.
    const place = await readlink(`/proc/self/fd/${file.fd}`);
    const inside = (await realpath(taskDir)) + sep;
    if (!place.startsWith(inside)) throw wrong("is outside of the task's directory");
    if (!(await file.stat()).isFile()) throw wrong('is not a file');
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
