/** Opens a connection and closes it. */
import { dial } from './dial.ts';
import { hostAndPort, type Place } from './places.ts';
import type { Probe } from './probe.ts';

export function tcpProbe(place: Place): Probe {
  return (signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const socket = dial(place);
      const stop = (): void => void socket.destroy(signal.reason as Error);
      signal.addEventListener('abort', stop, { once: true });
      socket.once('close', () => signal.removeEventListener('abort', stop));
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
