/**
 * A copy of the package with a few texts changed: a mutant, to show that a rig would see what is not there today, or an
 * instrumented one. It runs from source like the original, and nothing that runs from it touches the work tree.
 */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Patch, patchedText } from '../patch.ts';

const PACKAGE = new URL('../../', import.meta.url).pathname;
/** With the programs of the drills, which import the sources beside them. */
const PARTS = ['bin', 'src', 'package.json', 'test/faults/programs', 'test/machines'];

/** Copies the package to `dir`, which it makes, and applies the patches. Throws for one that does not fit. */
export function copyPackage(dir: string, patches: readonly Patch[]): void {
  mkdirSync(dir, { recursive: true });
  for (const part of PARTS) cpSync(join(PACKAGE, part), join(dir, part), { recursive: true });
  symlinkSync(join(PACKAGE, 'node_modules'), join(dir, 'node_modules'));
  for (const patch of patches) {
    const path = join(dir, patch.file);
    writeFileSync(path, patchedText(readFileSync(path, 'utf8'), patch));
  }
}
