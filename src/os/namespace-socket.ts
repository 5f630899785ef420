/**
 * Sockets in networks of others. A socket belongs for good to the network in which it was made, whoever uses it: this
 * process goes there for as long as one system call takes, and no program has to be started there.
 */
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import koffi from 'koffi';
import { HoldfastError, errnoOf } from '../errors.ts';

const libc = koffi.load(null);
const c = {
  setns: libc.func('int setns(int fd, int kind)'),
  socket: libc.func('int socket(int family, int type, int protocol)'),
};

const CLONE_NEWNET = 0x40000000;
const AF_INET = 2;
/** SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC. */
const STREAM = 1 | 0o4000 | 0o2000000;
/** A thread is in a namespace of its own, and only this one goes elsewhere. */
const OWN = '/proc/thread-self/ns/net';

/**
 * The descriptor of a TCP socket of IPv4, not connected, in the network namespace at `path`; the caller closes it. For
 * root only. Errors: UNAVAILABLE where the namespace is not there or cannot be entered.
 */
export function socketIn(path: string): number {
  const own = openNamespace(OWN);
  try {
    const there = openNamespace(path);
    try {
      return socketAt(there, own, path);
    } finally {
      closeSync(there);
    }
  } finally {
    closeSync(own);
  }
}

/** Synchronous from the way there to the way back: nothing else of this process may run in between. */
function socketAt(there: number, own: number, path: string): number {
  if (c.setns(there, CLONE_NEWNET) !== 0) throw unavailable(path, nameOf(koffi.errno()));
  const fd = c.socket(AF_INET, STREAM, 0) as number;
  const errno = koffi.errno();
  // Whatever this process said from now on would be said in the network of a group.
  if (c.setns(own, CLONE_NEWNET) !== 0) process.abort();
  if (fd < 0) throw unavailable(path, nameOf(errno));
  return fd;
}

function openNamespace(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw unavailable(path, errnoOf(error) ?? 'unknown');
  }
}

function nameOf(errno: number): string {
  const found = Object.entries(constants.errno).find(([, number]) => number === errno);
  return found?.[0] ?? `errno ${errno}`;
}

function unavailable(path: string, errno: string): HoldfastError {
  const text = `no connection can be made in the network ${path}: ${errno}`;
  return new HoldfastError('UNAVAILABLE', text, { details: { errno } });
}
