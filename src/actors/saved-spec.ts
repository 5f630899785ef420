/** A spec as it lies beside the store, with what its alloc was given with it. */
import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { AllocContext } from '../machines/alloc-machine.ts';
import { readPlainFile } from '../os/plain-file.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { AssignedPort } from '../spec/network-spec.ts';
import { canonicalJson } from '../spec/spec-hash.ts';

export interface SavedSpec {
  readonly allocId: string;
  readonly spec: AllocSpec;
  readonly specHash: string;
  /** On the steady clock, of an alloc that may run so long only. */
  readonly acceptedAt?: number;
  /** What its tasks were told, and may listen on: an alloc that is rebuilt keeps them. */
  readonly ports?: readonly AssignedPort[];
  /** The alloc from which it takes over, or did. */
  readonly replaces?: string;
  /** What it was run with, in base64: here and nowhere else. Left out: nothing. */
  readonly payload?: string;
}

/** What is saved of an alloc beside the log, as far as the log knows it; undefined before it was received. */
export function savedSpecOf(allocId: string, context: AllocContext): SavedSpec | undefined {
  const { spec, specHash, ports, predecessor, runUntil } = context;
  if (spec === undefined) return undefined;
  const { maxRunDurationMs = 0 } = spec;
  return {
    allocId,
    spec,
    specHash,
    ...(runUntil !== undefined && { acceptedAt: runUntil - maxRunDurationMs }),
    ...(ports !== undefined && { ports }),
    ...(predecessor !== undefined && { replaces: predecessor }),
  };
}

export const SPEC_SUFFIX = '.json';

/** Where the spec of an alloc is kept. */
export function specPath(specDir: string, allocId: string): string {
  return join(specDir, `${allocId}${SPEC_SUFFIX}`);
}

/** The text of its file, with a sum over all of it. */
export function specText(saved: SavedSpec): string {
  return `${JSON.stringify({ ...saved, sum: sumOf(saved) })}\n`;
}

/** Undefined for a file that does not say what was written into it. */
export function readSpec(specDir: string, allocId: string): SavedSpec | undefined {
  try {
    const found = readPlainFile(specPath(specDir, allocId));
    if (found.is !== 'text') return undefined;
    const { sum, ...saved } = JSON.parse(found.text) as Partial<SavedSpec> & { sum?: unknown };
    const { acceptedAt = 0 } = saved;
    const isWhole =
      saved.allocId === allocId &&
      typeof saved.specHash === 'string' &&
      Array.isArray(saved.spec?.tasks) &&
      Number.isSafeInteger(acceptedAt) &&
      // The first releases wrote none.
      (sum === undefined || sum === sumOf(saved));
    return isWhole ? (saved as SavedSpec) : undefined;
  } catch {
    return undefined;
  }
}

function sumOf(saved: Partial<SavedSpec>): string {
  return createHash('sha256').update(canonicalJson(saved)).digest('hex');
}

/** Is there a file of it that can be read? */
export function isSpecSaved(specDir: string, allocId: string): boolean {
  return readSpec(specDir, allocId) !== undefined;
}

/** Where the file of it is that does not say any more what was written into it; undefined when there is none. */
export function tornSpec(specDir: string, allocId: string): string | undefined {
  const path = specPath(specDir, allocId);
  const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  return isThere && !isSpecSaved(specDir, allocId) ? path : undefined;
}
