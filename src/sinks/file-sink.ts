/** Events in a file, one a line, each once: what stands at its end says where to go on. */
import { constants } from 'node:fs';
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';
import type { FileSinkConfig } from '../spec/sink-schema.ts';
import { readTail } from './file-tail.ts';
import { sinkError, type Origin, type Sink, type WrittenEvent } from './sink.ts';

/** A link that somebody has put in its place is not followed. */
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
const MODE = 0o640;

export class FileSink implements Sink {
  readonly #config: FileSinkConfig;
  readonly #origin: Origin;
  #file: FileHandle | undefined;

  constructor(config: FileSinkConfig, origin: Origin) {
    this.#config = config;
    this.#origin = origin;
  }

  async open(after: number): Promise<number> {
    const { path } = this.#config;
    return attempt(path, async () => {
      const file = await this.#openFile();
      const { wholeBytes, position } = await readTail(file, path, this.#origin);
      if ((await file.stat()).size > wholeBytes) {
        await file.truncate(wholeBytes);
        await file.sync();
      }
      // A file that was just begun knows nothing; the one before it does.
      const known = position ?? (wholeBytes === 0 ? await this.#positionBefore() : undefined);
      return Math.max(after, known ?? 0);
    });
  }

  async send(events: readonly WrittenEvent[]): Promise<void> {
    await attempt(this.#config.path, async () => {
      const file = await this.#fileToWrite();
      const bytes = Buffer.from(events.map(({ text }) => `${text}\n`).join(''));
      for (let at = 0; at < bytes.length;) {
        at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
      }
      await file.datasync();
    });
  }

  async close(): Promise<void> {
    await this.#file?.close().catch(() => undefined);
    this.#file = undefined;
  }

  async #openFile(): Promise<FileHandle> {
    const { path } = this.#config;
    await this.close();
    this.#file = await open(path, FLAGS, MODE);
    if (!(await this.#file.stat()).isFile()) {
      throw new HoldfastError('WRONG_STATE', `${path} is no file`);
    }
    await syncNames(path);
    return this.#file;
  }

  /** Another one when it is full, or when somebody has moved it away. */
  async #fileToWrite(): Promise<FileHandle> {
    const { path, maxFileSizeMb } = this.#config;
    if (this.#file === undefined) return this.#openFile();
    const [own, there] = [await this.#file.stat(), await statIfAny(path)];
    if (there?.ino !== own.ino || there.dev !== own.dev) return this.#openFile();
    if (own.size < maxFileSizeMb * 1024 * 1024) return this.#file;
    await this.#shift();
    return this.#openFile();
  }

  /** From the oldest on, so that a death in between leaves a number out and never two files under one name. */
  async #shift(): Promise<void> {
    const { path, maxFiles } = this.#config;
    await rm(`${path}.${maxFiles - 1}`, { force: true });
    for (let number = maxFiles - 2; number >= 1; number -= 1) {
      await renameIfAny(`${path}.${number}`, `${path}.${number + 1}`);
    }
    await renameIfAny(path, `${path}.1`);
  }

  async #positionBefore(): Promise<number | undefined> {
    const path = `${this.#config.path}.1`;
    if ((await statIfAny(path)) === undefined) return undefined;
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return (await readTail(file, path, this.#origin)).position;
    } finally {
      await file.close();
    }
  }
}

async function statIfAny(path: string): Promise<{ ino: number; dev: number } | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function renameIfAny(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

async function syncNames(path: string): Promise<void> {
  const directory = await open(dirname(path), constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (HoldfastError.is(cause)) throw cause;
    const errno = errnoOf(cause);
    const code = errno === 'ENOSPC' || errno === 'EDQUOT' ? 'RESOURCES_EXHAUSTED' : 'UNAVAILABLE';
    throw sinkError(code, `${path}: ${errno ?? messageOf(cause)}`, { cause });
  }
}
