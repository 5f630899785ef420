import { bytesUnread } from '../os/unread-fifo.ts';

/** Is there output in any of these FIFOs that is in no file so far? */
export function hasUnread(fifos: readonly string[]): boolean {
  return fifos.some((fifo) => bytesUnread(fifo) > 0);
}
