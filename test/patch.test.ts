import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MUTANTS as crashMutants } from './crash/mutants.ts';
import { DRILLS } from './faults/drills.ts';
import { PARTS as groupParts } from './groups/parts.ts';
import { PARTS as logParts } from './logs/parts.ts';
import { type Patch, patchedText } from './patch.ts';
import { MUTANTS as simMutants } from './sim/mutants.ts';

const PACKAGE = join(import.meta.dirname, '..');

describe('the mutants of the rigs fit the sources of today', () => {
  it.each(crashMutants)('crash: $name', ({ patches }) => assertFits(PACKAGE, patches));
  it.each(simMutants)('sim: $name', ({ patches }) => assertFits(join(PACKAGE, 'src'), patches));
  it.each([...DRILLS, ...groupParts, ...logParts])('drill: $name', ({ mutants }) => {
    for (const patches of mutants ?? []) assertFits(PACKAGE, patches);
  });
});

/** In turn: one may change what another one put there. */
function assertFits(root: string, patches: readonly Patch[]): void {
  const texts = new Map<string, string>();
  for (const patch of patches) {
    const text = texts.get(patch.file) ?? readFileSync(join(root, patch.file), 'utf8');
    texts.set(patch.file, patchedText(text, patch));
  }
  expect(texts.size).toBeGreaterThan(0);
}
