/**
 * Collects the task's output. The FIFOs are made once and shared by all runs of the task; the program never meets a
 * closed pipe, because the shim holds them open for reading and writing.
 */
import { mkdir, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { defineHook, type HookRequest } from './hook.ts';

export const logmon = defineHook({
  name: 'logmon',
  async prestart(request, doors) {
    const { dirs, task } = request;
    await mkdir(dirs.logs, { recursive: true, mode: 0o750 });
    await doors.logmon.collect(
      {
        taskKey: taskKeyOf(request),
        stdoutFifo: dirs.stdoutFifo,
        stderrFifo: dirs.stderrFifo,
        logDir: dirs.logs,
        fileStem: task.name,
        maxFiles: task.logs.maxFiles,
        maxFileBytes: task.logs.maxFileSizeMb * 1024 * 1024,
      },
      doors.signal,
    );
  },
  async cleanup(request, doors) {
    await doors.logmon.release(taskKeyOf(request), doors.signal);
    await rm(request.dirs.stdoutFifo, { force: true });
    await rm(request.dirs.stderrFifo, { force: true });
  },
});

/** The FIFOs are `<task key>.out` and `<task key>.err`. */
function taskKeyOf({ dirs }: HookRequest): string {
  return basename(dirs.stdoutFifo, '.out');
}
