/**
 * The specs of live allocs as files beside the store, written before an alloc is acknowledged. A store that is lost is
 * rebuilt from them and from the files of the runs.
 */
import { closeSync, fdatasync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AllocSpec } from '../spec/alloc-spec.ts';

const flush = promisify(fdatasync);

export interface SavedSpec {
  readonly allocId: string;
  readonly spec: AllocSpec;
  readonly specHash: string;
}

/** Durable when it resolves. Only the flush leaves this thread: everything else takes microseconds. */
export async function saveSpec(specDir: string, saved: SavedSpec): Promise<void> {
  const path = join(specDir, `${saved.allocId}.json`);
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify(saved)}\n`);
    await flush(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}

export function forgetSpec(specDir: string, allocId: string): void {
  rmSync(join(specDir, `${allocId}.json`), { force: true });
}

/** Every spec that can be read; one that cannot says nothing. */
export async function readSpecs(specDir: string): Promise<readonly SavedSpec[]> {
  const names = await readdir(specDir).catch(() => []);
  const found = await Promise.all(
    names
      .filter((name) => name.endsWith('.json'))
      .map((name) => readFile(join(specDir, name), 'utf8').then(parseSpec, () => undefined)),
  );
  return found.filter((saved) => saved !== undefined);
}

function parseSpec(text: string): SavedSpec | undefined {
  try {
    const saved = JSON.parse(text) as Partial<SavedSpec>;
    const isWhole =
      typeof saved.allocId === 'string' &&
      typeof saved.specHash === 'string' &&
      Array.isArray(saved.spec?.tasks);
    return isWhole ? (saved as SavedSpec) : undefined;
  } catch {
    return undefined;
  }
}
