/** Keys that are files below a directory, such as a mounted volume: `db/host` is the file `host` in `db`. */
import { join } from 'node:path';
import { HoldfastError } from '../../errors.ts';
import { refused } from '../artifacts/faults.ts';
import { watchPaths } from '../changes/watch-paths.ts';
import { LONGEST_INPUT, readOpened, textOf } from '../read-opened.ts';
import type { KeyProvider } from './rules.ts';

/** Without the one line end that files have at their end. Links may lead anywhere below the directory. */
export function keyDirectory(root: string): KeyProvider {
  const closed = (real: string): HoldfastError =>
    new HoldfastError('CAPABILITY_MISSING', `${real} is outside of the directory of keys, ${root}`);
  return {
    async get(key) {
      const path = join(root, assertKey(key));
      const wish = { roots: [root], mostBytes: LONGEST_INPUT, closed };
      const bytes = await readOpened(path, wish);
      return bytes && textOf(`key "${key}"`, bytes).replace(/\r?\n$/, '');
    },
    async watch(keys, changed) {
      const byPath = new Map(keys.map((key) => [join(root, key), key]));
      return watchPaths([...byPath.keys()], (path, isNews) =>
        changed(byPath.get(path) ?? '', isNews),
      );
    },
  };
}

function assertKey(key: string): string {
  const isWrong = (step: string): boolean => ['', '.', '..'].includes(step);
  if (key.length > 1_024 || key.includes('\0') || key.split('/').some(isWrong)) {
    throw refused(`${JSON.stringify(key.slice(0, 100))} is no key: it must be like "db/host"`);
  }
  return key;
}
