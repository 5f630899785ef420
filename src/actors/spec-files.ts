/**
 * The specs of live allocs as files beside the store, written before an alloc is acknowledged. A store that is lost is
 * rebuilt from them and from the files of the runs.
 */
import { closeSync, fdatasync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { diskFailure } from '../errors.ts';
import { readPlainFile } from '../os/plain-file.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';

const flush = promisify(fdatasync);

export interface SavedSpec {
  readonly allocId: string;
  readonly spec: AllocSpec;
  readonly specHash: string;
}

/** Where the specs are kept. */
export interface SpecStore {
  /** Durable when it resolves. Errors: RESOURCES_EXHAUSTED, STORE_FAILED. */
  save(saved: SavedSpec): Promise<void>;
  /** One that is not there is fine. */
  forget(allocId: string): void;
  /** Those of allocs that `isKnown` does not know, as far as they can be read; one that cannot says nothing. */
  unknown(isKnown: (allocId: string) => boolean): Promise<readonly SavedSpec[]>;
}

export function specFiles(specDir: string): SpecStore {
  return {
    async save(saved) {
      try {
        await saveSpec(specDir, saved);
      } catch (error) {
        throw diskFailure(error, `save the spec of ${saved.allocId}`);
      }
    },
    forget: (allocId) => rmSync(join(specDir, `${allocId}.json`), { force: true }),
    unknown: (isKnown) => readSpecs(specDir, isKnown),
  };
}

/** Only the flush leaves this thread: everything else takes microseconds. */
async function saveSpec(specDir: string, saved: SavedSpec): Promise<void> {
  const path = join(specDir, `${saved.allocId}.json`);
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify(saved)}\n`);
    await flush(file);
  } finally {
    closeSync(file);
  }
  // crash point: agent.spec.before
  renameSync(`${path}.new`, path);
  // crash point: agent.spec.saved
}

async function readSpecs(
  specDir: string,
  isKnown: (allocId: string) => boolean,
): Promise<readonly SavedSpec[]> {
  const names = await readdir(specDir).catch(() => []);
  const unknown = names.filter((name) => name.endsWith('.json') && !isKnown(name.slice(0, -5)));
  return unknown
    .map((name) => readSpec(join(specDir, name)))
    .filter((saved) => saved !== undefined);
}

function readSpec(path: string): SavedSpec | undefined {
  try {
    const found = readPlainFile(path);
    if (found.is !== 'text') return undefined;
    const saved = JSON.parse(found.text) as Partial<SavedSpec>;
    const isWhole =
      typeof saved.allocId === 'string' &&
      typeof saved.specHash === 'string' &&
      Array.isArray(saved.spec?.tasks);
    return isWhole ? (saved as SavedSpec) : undefined;
  } catch {
    return undefined;
  }
}
