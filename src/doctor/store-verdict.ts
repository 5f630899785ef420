/** Is a store sound, to the last row and to the states that it folds to? */
import type { StoreFault } from '../log/store-check.ts';
import { withStore, type StorePlace } from './store-place.ts';

export interface Verdict {
  readonly path: string;
  readonly head: number;
  /** Rows that are what was written. */
  readonly events: number;
  /** By position, those of the file as a whole last. */
  readonly faults: readonly StoreFault[];
}

/** Errors are those of `openStoreFile`. */
export function verifyStore(place: Pick<StorePlace, 'path' | 'markPath'>): Verdict {
  return withStore(place, ({ faults, quarantined, events }, { highest }) => {
    const strange = quarantined.map(({ stream, position, reason }) => {
      return { stream, position, fault: `not to be folded from here on: ${reason}` };
    });
    const placed = [...faults, ...strange].sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
    const isOfAll = ({ position }: StoreFault) => position === null;
    return {
      path: place.path,
      head: highest,
      events,
      faults: [...placed.filter((one) => !isOfAll(one)), ...placed.filter(isOfAll)],
    };
  });
}
