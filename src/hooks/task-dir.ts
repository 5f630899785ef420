/**
 * Makes the directories of the task. They are removed with the alloc, not with the task: siblings may read them.
 * Synchronous calls on purpose: seven directories take a tenth of a millisecond, and seven trips to the thread pool
 * ten times that.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  mkdirSync,
  openSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { TaskSpec } from '../spec/task-spec.ts';
import type { TemplateSpec } from '../spec/template-spec.ts';
import { type DirectoryOwner, defineHook, type TaskDirs } from './hook.ts';

export const taskDir = defineHook({
  name: 'task-dir',
  async prestart({ dirs, task }, { drivers, memory }) {
    const owner = await drivers.ownerOf(task);
    mkdirSync(dirname(dirname(dirs.alloc)), { recursive: true, mode: 0o711 });
    // Closed until somebody has to pass: a task that may become root can leave programs that make others root.
    mkdirSync(dirname(dirs.alloc), { recursive: true, mode: 0o700 });
    mkdirSync(dirs.alloc, { recursive: true, mode: 0o711 });
    mkdirSync(dirs.task, { recursive: true, mode: 0o700 });
    for (const path of [...sharedDirs(dirs), ...ownDirs(dirs)]) {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    }
    // Again after the machine was started anew; what was in it is gone then, and is fetched again.
    if (isSecret(task)) for (const path of closedDirs(dirs)) memory.ensure(path);
    if (owner !== undefined) giveAway(dirs, owner);
  },
  async cleanup({ dirs }, { memory }) {
    for (const path of closedDirs(dirs)) memory.release(path);
  },
});

function sharedDirs({ alloc }: TaskDirs): readonly string[] {
  return [join(alloc, 'data'), join(alloc, 'tmp')];
}

/** Has it anything of which nothing is to be left on a disk? */
function isSecret({ secrets = [], templates = [] }: TaskSpec): boolean {
  const isClosed = ({ destination }: TemplateSpec): boolean => destination.startsWith('secrets/');
  return secrets.length > 0 || templates.some(isClosed);
}

/** What is in them is nobody's but the task's. */
function closedDirs({ secrets, private: own }: TaskDirs): readonly string[] {
  return [secrets, own];
}

function ownDirs({ local, secrets, private: own, tmp }: TaskDirs): readonly string[] {
  return [local, secrets, own, tmp];
}

/** A user who is not the agent's: he comes as far as his own directories, and shares those of the alloc with others. */
function giveAway(dirs: TaskDirs, { uid, gid, hasTaskDir }: DirectoryOwner): void {
  // Who has a root of his own does not come this way.
  const above = hasTaskDir ? [dirname(dirname(dirs.alloc)), dirname(dirs.alloc)] : [];
  // The agent's umask may have taken the right to pass through away.
  for (const path of [...above, dirs.alloc]) chmodSync(path, 0o711);
  for (const path of sharedDirs(dirs)) change(path, (fd) => fchmodSync(fd, 0o1777));
  if (!hasTaskDir) showLogs(dirs);
  for (const path of [...ownDirs(dirs), ...(hasTaskDir ? [dirs.task] : [])]) {
    change(path, (fd) => {
      fchownSync(fd, uid, gid);
      fchmodSync(fd, 0o700);
    });
  }
}

/**
 * A root of its own shows the task what all of its alloc have written, which its user is to be able to read, as with
 * Nomad. Nobody else comes there: the directory of the agent's state is above it.
 */
function showLogs({ logs }: TaskDirs): void {
  mkdirSync(logs, { recursive: true, mode: 0o750 });
  change(logs, (fd) => fchmodSync(fd, 0o755));
}

/** By a descriptor: an earlier run of the task may have put a link in the place of a directory of its own. */
function change(path: string, work: (fd: number) => void): void {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    work(fd);
  } finally {
    closeSync(fd);
  }
}
