/**
 * Tells that files may have changed: at once where the kernel says so, and otherwise, such as on file systems of the
 * network, within seconds. It may tell of no change; what it tells is a hint to look again.
 */
import { type FSWatcher, watch } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** As often as consul-template looks. */
const LOOK_AGAIN_MS = 2_000;
/** The clock of a file system goes in steps: two changes within one look the same. */
const STEP_MS = 1_000;

/** `isNews` is false when it is only not known whether it changed once more. */
export type Changed = (path: string, isNews: boolean) => void;

/** From when it resolves on no change is missed; gives the way to end. */
export async function watchPaths(
  paths: readonly string[],
  changed: Changed,
  lookAgainMs = LOOK_AGAIN_MS,
): Promise<() => void> {
  const watched = new WatchedPaths(paths, changed);
  await watched.look();
  const timer = setInterval(() => void watched.look(), lookAgainMs).unref();
  return () => {
    clearInterval(timer);
    watched.close();
  };
}

class WatchedPaths {
  readonly #paths: readonly string[];
  readonly #changed: Changed;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #signs = new Map<string, string>();
  #isClosed = false;
  #looking: Promise<void> | undefined;

  constructor(paths: readonly string[], changed: Changed) {
    this.#paths = paths;
    this.#changed = changed;
  }

  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  /** One at a time: a file system that does not answer shall not be asked again and again. */
  look(): Promise<void> {
    this.#looking ??= this.#lookAtAll().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #lookAtAll(): Promise<void> {
    for (const path of this.#paths) {
      // Where it is by name, and where links lead: either may be exchanged.
      const real = await realpath(path).catch(() => path);
      await this.#attend(dirname(path));
      await this.#attend(dirname(real));
      const sign = await signOf(path);
      if (this.#isClosed) return;
      const before = this.#signs.get(path);
      this.#signs.set(path, sign);
      if (before === undefined || before === sign) continue;
      this.#changed(path, withoutAge(before) !== withoutAge(sign));
    }
  }

  /** A directory that is not there is attended to as soon as it is found. */
  async #attend(dir: string): Promise<void> {
    if (this.#isClosed || this.#watchers.has(dir)) return;
    try {
      const watcher = watch(dir, { persistent: false }, (_kind, name) => this.#hear(dir, name));
      watcher.on('error', () => this.#leave(dir));
      this.#watchers.set(dir, watcher);
    } catch {
      // Not there, not allowed, or no more watches to be had: it is looked at now and then.
    }
  }

  #leave(dir: string): void {
    this.#watchers.get(dir)?.close();
    this.#watchers.delete(dir);
  }

  #hear(dir: string, name: string | null): void {
    if (this.#isClosed) return;
    // The directory itself went away or was exchanged.
    if (name === basename(dir)) this.#leave(dir);
    for (const path of this.#paths) {
      if (dirname(path) === dir && (name === null || basename(path) === name)) {
        this.#changed(path, true);
      }
    }
    void this.look();
  }
}

/** Begins with "fresh" as long as another change could look the same; later that it did not is asked once. */
async function signOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = await stat(path, { bigint: true });
    const isYoung = Date.now() - Number(ctimeMs) < STEP_MS;
    return `${isYoung ? 'fresh' : 'old'} ${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return 'none';
  }
}

function withoutAge(sign: string): string {
  return sign.replace(/^\w+ /, '');
}
