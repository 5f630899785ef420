/**
 * Keeps the pipes of a run open while this host and the collector are being replaced: the kernel throws away what is in
 * a pipe that nobody has open. It is a shell that waits for a word, a tenth of a megabyte, and outlives its host.
 * Killing it loses nothing while one of the two lives.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf, HoldfastError } from '../../errors.ts';
import { ensureFifo } from '../../os/ensure-fifo.ts';
import { startHostProcess } from '../../rpc/host-process.ts';

/** The word's pipe comes last: where that is open, all are. */
const SCRIPT = 'exec 3<>"$1" 4<>"$2" 5<>"$3" 6<>"$4" 7<>"$5"; read -r word <&7';
const PATIENCE_MS = 5_000;
const LOOK_MS = 5;

/** Resolves when somebody holds the four pipes, all of which are there. Throws UNAVAILABLE when nobody can. */
export async function ensureHeld(
  pipes: readonly [string, string, string, string],
  word: string,
): Promise<void> {
  ensureFifo(word);
  if (tell(word, '')) return;
  const argv = ['sh', '-c', SCRIPT, 'holdfast-output', ...pipes, word];
  startHostProcess({ path: '/bin/sh', argv, environment: [] }, '/dev/null');
  // crash point: dockerlogger.holder.started
  for (const until = performance.now() + PATIENCE_MS; !tell(word, '');) {
    if (performance.now() > until) {
      throw new HoldfastError('UNAVAILABLE', `nobody could be made to hold ${word}`);
    }
    await delay(LOOK_MS);
  }
}

/** Lets whoever holds them end. */
export function letGo(word: string): void {
  tell(word, '\n');
}

/** False when nobody listens. */
function tell(word: string, text: string): boolean {
  let fd: number;
  try {
    fd = openSync(word, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    if (['ENXIO', 'ENOENT'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
  try {
    if (text !== '') writeSync(fd, text);
    return true;
  } finally {
    closeSync(fd);
  }
}
