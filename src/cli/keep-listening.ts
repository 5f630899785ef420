/** An agent whose socket somebody removed is deaf, although nothing else is wrong with it: it listens again. */
import { lstatSync } from 'node:fs';
import { messageOf } from '../errors.ts';
import type { Logger } from '../ports.ts';
import type { Listener } from '../rpc/unix-socket.ts';

const LOOK_EVERY_MS = 2_000;

/**
 * Listens, and once more whenever nothing lies in the place of the socket. Who was connected before stays connected.
 * Throws what the first `serve` throws; what the later ones throw is logged once.
 */
export async function keepListening(
  serve: () => Promise<Listener>,
  logger: Logger,
  lookEveryMs = LOOK_EVERY_MS,
): Promise<Listener> {
  const first = await serve();
  const all = [first];
  let isAtWork = false;
  let isTold = false;
  const look = async (): Promise<void> => {
    // What is another one's is not taken away from it: whoever lost the lock ends by that.
    if (isAtWork || lstatSync(first.socket, { throwIfNoEntry: false }) !== undefined) return;
    isAtWork = true;
    try {
      all.push(await serve());
      logger.warn({ socket: first.socket }, 'the socket was removed, and is there again');
      isTold = false;
    } catch (error) {
      const facts = { socket: first.socket, error: messageOf(error) };
      if (!isTold) logger.error(facts, 'the socket was removed: no command reaches this agent');
      isTold = true;
    } finally {
      isAtWork = false;
    }
  };
  const timer = setInterval(() => void look(), lookEveryMs);
  timer.unref();
  return {
    socket: first.socket,
    async close(graceMs) {
      clearInterval(timer);
      await Promise.all(all.map((listener) => listener.close(graceMs)));
    },
  };
}
