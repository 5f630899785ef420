/** Where a store is, and what an agent keeps beside it. */
import { markAbove, readHeadMarks } from '../log/head-mark.ts';
import type { KnownMark } from '../log/store-check.ts';
import { openStoreFile, type StoreFile } from '../log/store-file.ts';
import { lockHolder } from '../os/file-lock.ts';
import { readStore, type StoreReading } from './store-reading.ts';

export interface StorePlace {
  readonly path: string;
  /** Undefined for a file that no agent keeps. */
  readonly markPath: string | undefined;
  /** Undefined for such a file too. */
  readonly dataDir: string | undefined;
}

export type ReadPlace = Pick<StorePlace, 'path' | 'markPath'>;

/** Every connection holds a lock on the index of the write-ahead log for as long as it is open. */
function openPlace(path: string): StoreFile {
  return openStoreFile(path, () => lockHolder(`${path}-shm`) !== undefined);
}

export interface OpenedStore {
  readonly reading: StoreReading;
  /** Left open. */
  readonly file: StoreFile;
}

/** Reads a whole store. Errors are those of `openStoreFile`. */
export function openAndRead({ path, markPath }: ReadPlace): OpenedStore {
  // The mark first: it may only lag behind what is read after it.
  const mark: KnownMark =
    markPath === undefined ? 'not kept' : readHeadMarks(markPath, markAbove(markPath));
  const file = openPlace(path);
  try {
    return { reading: readStore(file, mark), file };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Reads a whole store and gives what `use` makes of it. Errors are those of `openStoreFile`. */
export function withStore<T>(
  place: ReadPlace,
  use: (reading: StoreReading, file: StoreFile) => T,
): T {
  const { reading, file } = openAndRead(place);
  try {
    return use(reading, file);
  } finally {
    file.close();
  }
}
