/** How the output of a task is collected, as its spec and its directories say: asked for before a start and with it. */
import { basename, dirname } from 'node:path';
import type { CollectWish, HookRequest } from './hook.ts';

/** The FIFOs are `<task key>.out` and `<task key>.err`. */
export function wishOf({
  dirs,
  task,
  run,
}: Pick<HookRequest, 'dirs' | 'task' | 'run'>): CollectWish {
  const { maxFiles, maxFileSizeMb, compress = false, whenFull = 'block' } = task.logs;
  return {
    taskKey: basename(dirs.stdoutFifo, '.out'),
    stdoutFifo: dirs.stdoutFifo,
    stderrFifo: dirs.stderrFifo,
    logDir: dirs.logs,
    fileStem: task.name,
    maxFiles,
    maxFileBytes: maxFileSizeMb * 1024 * 1024,
    run,
    compress,
    dropWhenFull: whenFull === 'drop',
    budgetBytes: dirs.logBudgetBytes ?? 0,
    logsRoot: dirname(dirs.logs),
  };
}
