import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  type Stats,
} from 'node:fs';
import { errnoOf } from '../errors.ts';

/** The text of a file, or why there is none: what lies there may be anything by now. */
export type PlainText =
  | { readonly is: 'absent' }
  /** A directory, a FIFO, a device, a ring of links, a link to nothing: no file, and in the place of one. */
  | { readonly is: 'odd' }
  | { readonly is: 'text'; readonly text: string; readonly stats: Stats };

/**
 * Reads a file and nothing else: opening a FIFO in the ordinary way waits for a writer for ever. Throws what the system
 * says when it cannot be read at all.
 */
export function readPlainFile(path: string): PlainText {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return { is: isLink(path) ? 'odd' : 'absent' };
    if (errno !== undefined && ODD.has(errno)) return { is: 'odd' };
    throw error;
  }
  try {
    const stats = fstatSync(file);
    return stats.isFile() ? { is: 'text', text: readFileSync(file, 'utf8'), stats } : { is: 'odd' };
  } finally {
    closeSync(file);
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** What opening says of a ring of links, a socket, a device without a driver. */
const ODD = new Set(['ELOOP', 'ENXIO', 'ENODEV']);
