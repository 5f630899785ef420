/** Opens a connection and closes it. */
import { connect } from 'node:net';
import { hostAndPort, type Place } from './places.ts';
import type { Probe } from './probe.ts';

export function tcpProbe(place: Place): Probe {
  return (signal) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: place.address, port: place.port, signal });
      socket.once('connect', () => {
        socket.destroy();
        resolve({ status: 'passing', output: `TCP connect ${hostAndPort(place)}: Success` });
      });
      socket.once('error', (error) => {
        socket.destroy();
        reject(error);
      });
    });
}
