/**
 * The specs of live allocs as files beside the store, written before an alloc is acknowledged. A store that is lost is
 * rebuilt from them and from the files of the runs.
 */
import { rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { diskFailure, messageOf } from '../errors.ts';
import { silentLogger, type Logger } from '../ports.ts';
import { writeDurably } from './durable-file.ts';
import { readSpec, SPEC_SUFFIX, specPath, specText, type SavedSpec } from './saved-spec.ts';

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
  /** After an update: what is not in `saved` stays as it was saved before. Errors as of `save`. */
  update(saved: SavedSpec): Promise<void>;
  /** What the alloc was run with; undefined: nothing, or its spec is gone. */
  payloadOf(allocId: string): Promise<Uint8Array | undefined>;
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
   * For an opening agent: writes those of live allocs that are missing, cannot be read or do not say what the log says,
   * since together with the store they would be gone for good. `specOf` gives nothing for one that has ended meanwhile.
   * What the disk does not take is said and left to the next agent.
   */
  complete(
    allocIds: readonly string[],
    specOf: (allocId: string) => SavedSpec | undefined,
  ): Promise<void>;
}

export type Standing = 'live' | 'ended' | 'unknown';

const UNFINISHED = `${SPEC_SUFFIX}.new`;
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
    return this.#write(saved.allocId, () => saved);
  }

  async update(saved: SavedSpec): Promise<void> {
    const { allocId } = saved;
    await this.#write(allocId, () => {
      const { payload, replaces } = readSpec(this.#specDir, allocId) ?? {};
      const kept = {
        ...(payload !== undefined && { payload }),
        ...(replaces !== undefined && { replaces }),
      };
      return { ...kept, ...saved };
    });
  }

  /** One after the other for each alloc: the last word is that of the last who asked. */
  #write(allocId: string, savedNow: () => SavedSpec): Promise<void> {
    this.#lingering.delete(allocId);
    const write = (): Promise<void> => writeDurably(this.#pathOf(allocId), specText(savedNow()));
    const before = this.#saving.get(allocId);
    const written = before === undefined ? write() : before.then(write, write);
    const saving = written
      .catch((error: unknown) => {
        throw diskFailure(error, `save the spec of ${allocId}`);
      })
      .finally(() => {
        if (this.#saving.get(allocId) === saving) this.#saving.delete(allocId);
      });
    this.#saving.set(allocId, saving);
    return saving;
  }

  async payloadOf(allocId: string): Promise<Uint8Array | undefined> {
    // A task may be sooner than the flush of its spec.
    await this.#saving.get(allocId)?.catch(() => undefined);
    const saved = readSpec(this.#specDir, allocId);
    return saved?.payload === undefined ? undefined : Buffer.from(saved.payload, 'base64');
  }

  async forget(allocId: string): Promise<void> {
    for (let next = this.#saving.get(allocId); next !== undefined;) {
      await next.catch(() => undefined);
      next = this.#saving.get(allocId);
    }
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
      const allocId = name.endsWith(SPEC_SUFFIX) ? name.slice(0, -SPEC_SUFFIX.length) : undefined;
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
      const saved = specOf(allocId);
      const found = readSpec(this.#specDir, allocId);
      if (saved === undefined || found?.specHash === saved.specHash) continue;
      try {
        await this.update(saved);
        this.#logger.warn({ allocId }, 'its spec was missing or old and is written again');
      } catch (error) {
        this.#logger.warn({ allocId, error: messageOf(error) }, 'its spec is missing');
      }
    }
  }

  #pathOf(allocId: string): string {
    return specPath(this.#specDir, allocId);
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
