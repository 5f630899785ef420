import type { Writable } from 'node:stream';

/** Resolves when the kernel has the bytes, and when it will never take them. */
export function writeAll(stream: Writable, bytes: Buffer): Promise<void> {
  if (!stream.writable) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('close', done);
      resolve();
    };
    // Destroyed in the middle, it does not always call back.
    stream.once('close', done);
    stream.write(bytes, done);
  });
}
