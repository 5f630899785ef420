/** Who is at the other end of a unix socket, as the kernel saw it when that end connected. */
import koffi from 'koffi';
import { textOf } from './quiet-reads.ts';

const cGetsockopt = koffi
  .load(null)
  .func('int getsockopt(int fd, int level, int name, void *value, _Inout_ uint *length)');

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** `struct ucred`: pid, uid and gid, four bytes each. */
const UCRED_BYTES = 12;

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
}

/** Undefined for a descriptor that is no connected unix socket, or whose peer is of another pid namespace. */
export function peerCredentials(fd: number): PeerCredentials | undefined {
  const bytes = Buffer.alloc(UCRED_BYTES);
  const length = [UCRED_BYTES];
  if (cGetsockopt(fd, SOL_SOCKET, SO_PEERCRED, bytes, length) !== 0) return undefined;
  const [pid, uid] = [bytes.readInt32LE(0), bytes.readUInt32LE(4)];
  return pid > 0 ? { pid, uid } : undefined;
}

/** `uid 4711` for one without a name in passwd(5). */
export function userName(uid: number): string {
  const lines = textOf('/etc/passwd')?.split('\n') ?? [];
  const found = lines.map((line) => line.split(':')).find((parts) => parts[2] === String(uid));
  return found?.[0] ?? `uid ${uid}`;
}
