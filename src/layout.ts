/** Where everything is below a data directory. Agent state never lies below a directory that a task can write. */
import { join } from 'node:path';
import type { TaskDirs } from './hooks/hook.ts';
import { taskKey } from './os/launch-key.ts';

export interface Layout {
  readonly dataDir: string;
  /** 0700: only the agent and its hosts. */
  readonly stateDir: string;
  readonly storeDir: string;
  /** How far the log had come, where a backup of the store alone does not reach. */
  readonly markAbove: string;
  readonly fifoDir: string;
  readonly specDir: string;
  /** `run/<launchKey>/` are the files of one run. */
  readonly runDir: string;
  /** What the output of all tasks may take up together, in bytes; 0 or left out: there is no limit. */
  readonly logBudgetBytes?: number;
}

export function layoutOf(dataDir: string): Layout {
  const stateDir = join(dataDir, 'state');
  return {
    dataDir,
    stateDir,
    storeDir: join(stateDir, 'store'),
    markAbove: join(stateDir, 'head'),
    fifoDir: join(stateDir, 'fifo'),
    specDir: join(stateDir, 'specs'),
    runDir: join(stateDir, 'run'),
  };
}

/** The output of all tasks: a directory for each alloc. */
export function logsRootOf({ stateDir }: Pick<Layout, 'stateDir'>): string {
  return join(stateDir, 'logs');
}

/** What goes with the alloc: the directories of its tasks, and their output. */
export function allocDirsOf(layout: Layout, allocId: string): readonly string[] {
  return [join(layout.dataDir, 'allocs', allocId), join(logsRootOf(layout), allocId)];
}

export function taskDirsOf(layout: Layout, allocId: string, task: string): TaskDirs {
  const allocDir = join(layout.dataDir, 'allocs', allocId);
  const own = join(allocDir, task);
  const fifo = join(layout.fifoDir, taskKey(allocId, task));
  return {
    alloc: join(allocDir, 'alloc'),
    task: own,
    local: join(own, 'local'),
    secrets: join(own, 'secrets'),
    private: join(own, 'private'),
    tmp: join(own, 'tmp'),
    logs: join(logsRootOf(layout), allocId),
    ...(layout.logBudgetBytes === undefined ? {} : { logBudgetBytes: layout.logBudgetBytes }),
    stdoutFifo: `${fifo}.out`,
    stderrFifo: `${fifo}.err`,
  };
}
