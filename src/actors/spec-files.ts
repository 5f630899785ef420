/**
 * The specs of live allocs as files beside the store, written before an alloc is acknowledged. A store that is lost is
 * rebuilt from them and from the files of the runs.
 */
import { createHash } from 'node:crypto';
import { closeSync, fsync, lstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { diskFailure, messageOf } from '../errors.ts';
import { readPlainFile } from '../os/plain-file.ts';
import { silentLogger, type Logger } from '../ports.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import { canonicalJson } from '../spec/spec-hash.ts';

const flush = promisify(fsync);

export interface SavedSpec {
  readonly allocId: string;
  readonly spec: AllocSpec;
  readonly specHash: string;
}

/** What an opening agent finds of allocs that it does not know. */
export interface LeftBehind {
  readonly saved: readonly SavedSpec[];
  /** Allocs of which there is a file that does not say any more what they are. It is kept. */
  readonly unreadable: ReadonlySet<string>;
}

/** Where the specs are kept. */
export interface SpecStore {
  /** Durable when it resolves. Errors: RESOURCES_EXHAUSTED, STORE_FAILED. */
  save(saved: SavedSpec): Promise<void>;
  /**
   * Resolves when nothing of it is left, a save that is under way included. One that is not there is fine, and one that
   * the disk does not let go of is tried again until it does: the next agent knows by the log that its alloc has ended.
   */
  forget(allocId: string): Promise<void>;
  /**
   * For an opening agent: those of allocs that are unknown to it. What was half written and those of allocs that have
   * ended are removed: an agent that finds no store would run them again.
   */
  leftBehind(standingOf: (allocId: string) => Standing): Promise<LeftBehind>;
  /**
   * For an opening agent: writes those of live allocs that are missing or cannot be read, since together with the store
   * they would be gone for good. `specOf` gives nothing for one that has ended meanwhile. What the disk does not take
   * is said and left to the next agent.
   */
  complete(
    allocIds: readonly string[],
    specOf: (allocId: string) => SavedSpec | undefined,
  ): Promise<void>;
}

export type Standing = 'live' | 'ended' | 'unknown';

const SUFFIX = '.json';
const UNFINISHED = '.json.new';
const REMOVE_AGAIN_MS = 30_000;

interface SpecFilesOptions {
  readonly logger?: Logger;
  /** How long a file that cannot be removed lies before it is tried again, in milliseconds. */
  readonly removeAgainMs?: number;
}

export class SpecFiles implements SpecStore {
  readonly #specDir: string;
  readonly #logger: Logger;
  readonly #removeAgainMs: number;
  /** An alloc may end sooner than its spec is flushed. */
  readonly #saving = new Map<string, Promise<void>>();
  /** Allocs that are over and whose file cannot be removed. */
  readonly #lingering = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(specDir: string, options: SpecFilesOptions = {}) {
    this.#specDir = specDir;
    this.#logger = options.logger ?? silentLogger;
    this.#removeAgainMs = options.removeAgainMs ?? REMOVE_AGAIN_MS;
  }

  save(saved: SavedSpec): Promise<void> {
    const { allocId } = saved;
    this.#lingering.delete(allocId);
    const text = JSON.stringify({ ...saved, sum: sumOf(saved) });
    const saving = writeDurably(this.#pathOf(allocId), `${text}\n`)
      .catch((error: unknown) => {
        throw diskFailure(error, `save the spec of ${allocId}`);
      })
      .finally(() => this.#saving.delete(allocId));
    this.#saving.set(allocId, saving);
    return saving;
  }

  async forget(allocId: string): Promise<void> {
    await this.#saving.get(allocId)?.catch(() => undefined);
    try {
      rmSync(this.#pathOf(allocId), { force: true });
      this.#lingering.delete(allocId);
    } catch (error) {
      if (!this.#lingering.has(allocId)) {
        const facts = { allocId, error: messageOf(error) };
        this.#logger.warn(facts, 'a spec cannot be removed and is tried again');
      }
      this.#lingering.add(allocId);
      this.#waitToRemoveAgain();
    }
  }

  #waitToRemoveAgain(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#removeAgain(), this.#removeAgainMs);
    this.#timer.unref();
  }

  #removeAgain(): void {
    this.#timer = undefined;
    for (const allocId of this.#lingering) void this.forget(allocId);
  }

  async leftBehind(standingOf: (allocId: string) => Standing): Promise<LeftBehind> {
    const names = await readdir(this.#specDir).catch(() => []);
    const saved: SavedSpec[] = [];
    const unreadable = new Set<string>();
    for (const name of names) {
      const path = join(this.#specDir, name);
      const allocId = name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : undefined;
      if (name.endsWith(UNFINISHED)) remove(path);
      if (allocId === undefined) continue;
      const standing = standingOf(allocId);
      if (standing === 'ended') remove(path);
      if (standing !== 'unknown') continue;
      const found = readSpec(this.#specDir, allocId);
      if (found === undefined) unreadable.add(allocId);
      else saved.push(found);
    }
    return { saved, unreadable };
  }

  async complete(
    allocIds: readonly string[],
    specOf: (allocId: string) => SavedSpec | undefined,
  ): Promise<void> {
    for (const allocId of allocIds) {
      if (isSpecSaved(this.#specDir, allocId)) continue;
      const saved = specOf(allocId);
      if (saved === undefined) continue;
      try {
        await this.save(saved);
        this.#logger.warn({ allocId }, 'its spec was missing and is written again');
      } catch (error) {
        this.#logger.warn({ allocId, error: messageOf(error) }, 'its spec is missing');
      }
    }
  }

  #pathOf(allocId: string): string {
    return pathIn(this.#specDir, allocId);
  }
}

function pathIn(specDir: string, allocId: string): string {
  return join(specDir, `${allocId}${SUFFIX}`);
}

/** Is there a file of it that can be read? */
export function isSpecSaved(specDir: string, allocId: string): boolean {
  return readSpec(specDir, allocId) !== undefined;
}

/** Where the file of it is that does not say any more what was written into it; undefined when there is none. */
export function tornSpec(specDir: string, allocId: string): string | undefined {
  const path = pathIn(specDir, allocId);
  const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  return isThere && !isSpecSaved(specDir, allocId) ? path : undefined;
}

/** Only the flushes leave this thread: everything else takes microseconds. */
async function writeDurably(path: string, text: string): Promise<void> {
  const unfinished = `${path}.new`;
  try {
    const file = openSync(unfinished, 'w', 0o600);
    await flushed(file, text);
    // crash point: agent.spec.before
    renameSync(unfinished, path);
    // Not every file system keeps a name with the file that bears it.
    await flushed(openSync(dirname(path), 'r'));
    // crash point: agent.spec.saved
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

/** Brings a file or a directory to the disk and closes it. */
async function flushed(fd: number, text = ''): Promise<void> {
  try {
    if (text !== '') writeSync(fd, text);
    await flush(fd);
  } finally {
    closeSync(fd);
  }
}

/** A directory in its place, or a file that may not be removed, keeps nobody from opening. */
function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // The next agent tries again.
  }
}

/** Undefined for a file that does not say what was written into it. */
function readSpec(specDir: string, allocId: string): SavedSpec | undefined {
  try {
    const found = readPlainFile(pathIn(specDir, allocId));
    if (found.is !== 'text') return undefined;
    const { sum, ...saved } = JSON.parse(found.text) as Partial<SavedSpec> & { sum?: unknown };
    const isWhole =
      saved.allocId === allocId &&
      typeof saved.specHash === 'string' &&
      Array.isArray(saved.spec?.tasks) &&
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
