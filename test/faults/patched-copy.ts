/**
 * A copy of the package with a few texts changed: a mutant, to show that a rig would see what is not there today, or an
 * instrumented one. It runs from source like the original, and nothing that runs from it touches the work tree.
 */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Patch {
  /** Below the package, as in `src/log/sqlite.ts`. */
  readonly file: string;
  /** Must be there exactly once, so that a patch of yesterday's text is noticed. */
  readonly find: string;
  readonly replace: string;
}

const PACKAGE = new URL('../../', import.meta.url).pathname;
/** With the programs of the drills, which import the sources beside them. */
const PARTS = ['bin', 'src', 'package.json', 'test/faults/programs', 'test/machines'];

/** Copies the package to `dir`, which it makes, and applies the patches. Throws for one that does not fit. */
export function copyPackage(dir: string, patches: readonly Patch[]): void {
  mkdirSync(dir, { recursive: true });
  for (const part of PARTS) cpSync(join(PACKAGE, part), join(dir, part), { recursive: true });
  symlinkSync(join(PACKAGE, 'node_modules'), join(dir, 'node_modules'));
  for (const patch of patches) applyPatch(dir, patch);
}

function applyPatch(dir: string, { file, find, replace }: Patch): void {
  const path = join(dir, file);
  const [before, after, ...more] = readFileSync(path, 'utf8').split(find);
  if (before === undefined || after === undefined || more.length > 0) {
    const times = after === undefined ? 0 : more.length + 1;
    throw new Error(`a patch fits ${times} times in ${file}, not once: ${find}`);
  }
  writeFileSync(path, before + replace + after);
}
