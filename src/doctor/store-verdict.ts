/** Is a store sound, to the last row and to the states that it folds to? */
import { readHeadMark } from '../log/head-mark.ts';
import type { StoreFault } from '../log/store-check.ts';
import { openStoreFile } from '../log/store-file.ts';
import { readStore } from './store-reading.ts';

export interface Verdict {
  readonly path: string;
  readonly head: number;
  /** Rows that are what was written. */
  readonly events: number;
  /** By position, those of the file as a whole last. */
  readonly faults: readonly StoreFault[];
}

/** Errors are those of `openStoreFile`. */
export function verifyStore(place: {
  readonly path: string;
  readonly markPath: string | undefined;
}): Verdict {
  // The mark first: it may only lag behind what is read after it.
  const mark = place.markPath === undefined ? undefined : readHeadMark(place.markPath);
  const file = openStoreFile(place.path);
  try {
    const { faults, quarantined, events } = readStore(file, mark);
    const strange = quarantined.map(({ stream, position, reason }) => {
      return { stream, position, fault: `not to be folded from here on: ${reason}` };
    });
    const order = ({ position }: StoreFault) => position ?? Number.POSITIVE_INFINITY;
    return {
      path: place.path,
      head: file.highest,
      events,
      faults: [...faults, ...strange].sort((a, b) => (order(a) < order(b) ? -1 : 1)),
    };
  } finally {
    file.close();
  }
}
