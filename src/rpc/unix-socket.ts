/** What both transports know about unix sockets: which paths work, how one appears, and who listens. */
import { chmodSync, chownSync, existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';
import { removeFile, removeFileIfPossible } from '../os/atomic-file.ts';

/** The kernel takes 107 bytes; the rest is room for the temporary name. */
const SOCKET_PATH_LIMIT_BYTES = 100;

export interface Listener {
  readonly socket: string;
  /** Takes no new calls, waits `graceMs` for running ones, cuts the rest off and removes the socket. Repeatable. */
  close(graceMs?: number): Promise<void>;
}

/** Throws DATA_DIR_REFUSED for a path that cannot be a unix socket's. */
export function assertSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= SOCKET_PATH_LIMIT_BYTES) return;
  throw new HoldfastError(
    'DATA_DIR_REFUSED',
    `the socket path is ${bytes} bytes long and at most ${SOCKET_PATH_LIMIT_BYTES} work: ` +
      `choose a data directory with a shorter path (${path})`,
  );
}

/**
 * Has `bind` listen under another name and renames it, so that whoever finds `socket` finds somebody listening; mode
 * 0600, or 0660 for a group. A socket left by a dead process is replaced. Gives the way to take it away again, which
 * leaves one alone that another process has put in its place. Throws DATA_DIR_REFUSED for a long path,
 * PERMISSION_DENIED of a group that cannot be had, and what `bind` throws.
 */
export async function publishSocket(
  socket: string,
  bind: (temporary: string) => Promise<void>,
  gid?: number,
): Promise<() => void> {
  assertSocketPath(socket);
  const temporary = `${socket}~`;
  removeFile(temporary);
  await bind(temporary);
  chmodSync(temporary, 0o600);
  if (gid !== undefined) openTo(gid, temporary);
  const { ino } = statSync(temporary);
  renameSync(temporary, socket);
  return () => {
    if (statSync(socket, { throwIfNoEntry: false })?.ino === ino) removeFileIfPossible(socket);
  };
}

/** Whoever is in the group may connect. Throws PERMISSION_DENIED for a group that is not one of this process. */
function openTo(gid: number, socket: string): void {
  try {
    chownSync(socket, -1, gid);
  } catch (cause) {
    const text = `the socket cannot be given to group ${gid}: ${messageOf(cause)}`;
    throw new HoldfastError('PERMISSION_DENIED', text, { cause });
  }
  chmodSync(socket, 0o660);
}

/**
 * Does somebody listen on a socket of that name whose file was removed? The kernel still knows the name that it was
 * bound under. False also where it cannot be told, such as through another path to the same directory.
 */
export function wasRemoved(socket: string): boolean {
  const bound = `${socket}~`;
  if (existsSync(socket) || existsSync(bound)) return false;
  try {
    const lines = readFileSync('/proc/net/unix', 'utf8').split('\n');
    return lines.some((line) => line.endsWith(` ${bound}`) && line.split(' ')[3] === LISTENING);
  } catch {
    return false;
  }
}

/** Of the flags of a socket, in the form of /proc/net/unix. */
const LISTENING = '00010000';

/**
 * What connect(2) says about whoever should listen. Only `dead` is certain: nobody listens on a socket that is there.
 * `absent` is a listener that has not come so far or has gone; `unknown` one that is too busy to accept.
 */
export type SocketVerdict = 'listening' | 'dead' | 'absent' | 'unknown';

export function verdictOf(connectError: unknown): Exclude<SocketVerdict, 'listening'> {
  const errno = errnoOf(connectError);
  if (errno === 'ECONNREFUSED') return 'dead';
  return errno === 'ENOENT' ? 'absent' : 'unknown';
}

export function probeSocket(path: string): Promise<SocketVerdict> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('listening');
    });
    socket.once('error', (error) => resolve(verdictOf(error)));
  });
}
