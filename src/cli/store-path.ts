/** Which store a `store` command means. */
import { join, resolve } from 'node:path';
import { checkDataDirectoryPath } from '../data-dir.ts';
import type { StorePlace } from '../doctor/store-place.ts';
import { HoldfastError } from '../errors.ts';
import { layoutOf } from '../layout.ts';
import { dataDirectory } from './data-dir.ts';

export interface StoreOptions {
  readonly dataDir?: string;
  /** A store that is not where an agent would look for it: moved aside, or a copy. */
  readonly file?: string;
  readonly json?: boolean;
}

/** Errors: NOT_FOUND, DATA_DIR_REFUSED. */
export function storePlace(options: StoreOptions): StorePlace {
  if (options.file !== undefined) {
    return { path: resolve(options.file), markPath: undefined, dataDir: undefined };
  }
  const dataDir = dataDirectory(options.dataDir);
  if (checkDataDirectoryPath(dataDir) === undefined) {
    throw new HoldfastError('NOT_FOUND', `there is no data directory ${dataDir}`);
  }
  const { storeDir } = layoutOf(dataDir);
  return { path: join(storeDir, 'log.db'), markPath: join(storeDir, 'head'), dataDir };
}
