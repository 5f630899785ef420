/** The socket of a service manager: datagrams, which Node has no sockets for. */
import { constants } from 'node:os';
import koffi from 'koffi';

const AF_UNIX = 1;
/** Closed in every program that is started; a manager that does not read must not hold us up. */
const KIND = 2 | 0o2000000 | 0o4000;
/** Of `sun_path`. */
const LONGEST_NAME_BYTES = 107;

const libc = koffi.load(null);
const cSocket = libc.func('int socket(int domain, int type, int protocol)');
const cSendto = libc.func(
  'long sendto(int fd, const uint8_t *bytes, ulong size, int flags, const uint8_t *to, uint toSize)',
);
const cClose = libc.func('int close(int fd)');

/**
 * Sends one datagram to the unix socket of that name, where `@` begins one that is no file. Gives the errno; 0:
 * it was sent. Never waits.
 */
export function sendDatagram(name: string, text: string): number {
  const path = Buffer.from(name.startsWith('@') ? `\0${name.slice(1)}` : name);
  if (path.length > LONGEST_NAME_BYTES) return constants.errno.ENAMETOOLONG;
  const address = Buffer.alloc(2 + path.length);
  address.writeUInt16LE(AF_UNIX);
  path.copy(address, 2);
  const bytes = Buffer.from(text);
  const fd = cSocket(AF_UNIX, KIND, 0) as number;
  if (fd < 0) return koffi.errno();
  const sent = cSendto(fd, bytes, bytes.length, 0, address, address.length) as number;
  const errno = sent < 0 ? koffi.errno() : 0;
  cClose(fd);
  return errno;
}
