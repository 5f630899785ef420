import type { Clock } from '../ports.ts';

/** Resolves at the steady time `atMs`; rejects with the abort's reason when `signal` comes first. */
export function pause(clock: Clock, atMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stop = (): void => {
      cancel();
      reject(signal.reason as Error);
    };
    const cancel = clock.at(atMs, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}
