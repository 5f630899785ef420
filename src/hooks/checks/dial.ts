/** A connection to a program, from the network in which it is to be asked. */
import { Socket } from 'node:net';
import type { Place } from './places.ts';

/** Is being connected: says so with `connect` or `error`. Throws UNAVAILABLE where that network is not there. */
export function dial({ address: host, port, openSocket }: Place): Socket {
  const fd = openSocket?.();
  const socket =
    fd === undefined ? new Socket() : new Socket({ fd, readable: true, writable: true });
  return socket.connect({ host, port });
}
