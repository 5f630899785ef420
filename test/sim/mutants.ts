/**
 * Changes of the shipped code that break what the simulator claims to watch. Each must be caught within some hundred
 * seeds: a simulator that lets one pass is broken itself.
 */
import type { Patch } from './modules.ts';

export interface Mutant {
  readonly name: string;
  readonly patches: readonly Patch[];
}

function mutant(name: string, file: string, find: string, replace: string): Mutant {
  return { name, patches: [{ file, find, replace }] };
}

export const MUTANTS: readonly Mutant[] = [
];
