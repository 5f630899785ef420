/** posix_spawn(3), which Node lacks: it copies no page tables, so that a large parent is not stalled. */
import koffi from 'koffi';

const libc = koffi.load(null);
const c = {
  spawn: libc.func(
    'int posix_spawn(_Out_ int *pid, const char *path, void *actions, void *attributes, const char **argv, const char **envp)',
  ),
  initAttributes: libc.func('int posix_spawnattr_init(void *attributes)'),
  setFlags: libc.func('int posix_spawnattr_setflags(void *attributes, short flags)'),
  setDefaults: libc.func('int posix_spawnattr_setsigdefault(void *attributes, void *signals)'),
  setMask: libc.func('int posix_spawnattr_setsigmask(void *attributes, void *signals)'),
  initActions: libc.func('int posix_spawn_file_actions_init(void *actions)'),
  freeActions: libc.func('int posix_spawn_file_actions_destroy(void *actions)'),
  addDup: libc.func('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)'),
  addOpen: libc.func(
    'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint mode)',
  ),
};

const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
/** Room for the opaque structures of glibc and musl, the largest of which has 336 bytes. */
const OPAQUE_BYTES = 512;
const SIGNAL_SET_BYTES = 128;

/** What becomes one of a program's descriptors: one of this process, or a file that is opened with open(2)'s flags. */
export type Given = number | { readonly path: string; readonly flags: number };

export interface ProgramToSpawn {
  /** Absolute path of the program. */
  readonly path: string;
  /** With the name of the program first. */
  readonly argv: readonly string[];
  /** `NAME=value`; the whole environment. */
  readonly environment: readonly string[];
}

let leader: Buffer | undefined;

/**
 * Starts a program as the leader of a session of its own, with every signal at its default and none blocked;
 * `descriptors` become fd 0, 1, 2 and so on. Its pid, or the negative errno: nothing was started then.
 */
export function spawnLeader(
  { path, argv, environment }: ProgramToSpawn,
  descriptors: readonly Given[],
): number {
  leader ??= leaderAttributes();
  const actions = Buffer.alloc(OPAQUE_BYTES);
  c.initActions(actions);
  try {
    for (const [fd, given] of descriptors.entries()) {
      if (typeof given === 'number') c.addDup(actions, given, fd);
      else c.addOpen(actions, fd, given.path, given.flags, 0);
    }
    const pid = [0];
    const errno = c.spawn(pid, path, actions, leader, [...argv, null], [...environment, null]);
    return errno === 0 ? (pid[0] ?? 0) : -(errno as number);
  } finally {
    c.freeActions(actions);
  }
}

function leaderAttributes(): Buffer {
  const attributes = Buffer.alloc(OPAQUE_BYTES);
  c.initAttributes(attributes);
  c.setFlags(attributes, SETSID | SETSIGDEF | SETSIGMASK);
  // Every signal gets its default action back (Node ignores SIGPIPE) and none is blocked.
  c.setDefaults(attributes, Buffer.alloc(SIGNAL_SET_BYTES, 0xff));
  c.setMask(attributes, Buffer.alloc(SIGNAL_SET_BYTES));
  return attributes;
}
