/** What a template asks for while it is filled in, beside the names that it is given: files and keys. */
import { constants } from 'node:fs';
import { open, realpath, type FileHandle } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { errnoOf, HoldfastError, messageOf } from '../../errors.ts';
import { below } from '../artifacts/directories.ts';
import { diskFault, passing, refused } from '../artifacts/faults.ts';
import { isBelowRoots } from '../artifacts/local-file.ts';
import { keyDirectory } from './key-directory.ts';
import { LONGEST_INPUT, readOpened, readSome, textOf } from '../read-opened.ts';
import type { KeyProvider, TemplateRules } from './rules.ts';

export type InputKind = 'file' | 'key';

/** `file /etc/x`, `file local/y`, `key db/host`. */
export type Input = `${InputKind} ${string}`;

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export class Inputs {
  /** Undefined: there are none on this machine. */
  readonly keys: KeyProvider | undefined;
  readonly #roots: readonly string[];
  readonly #taskDir: string;
  readonly #signal: AbortSignal;

  constructor({ fileRoots, keys }: TemplateRules, taskDir: string, signal: AbortSignal) {
    this.keys = typeof keys === 'string' ? keyDirectory(keys) : keys;
    this.#roots = fileRoots;
    this.#taskDir = taskDir;
    this.#signal = signal;
  }

  /**
   * Undefined: it is not there yet. Errors: CAPABILITY_MISSING for what the operator does not let templates have,
   * HOOK_FAILED for what can never be read.
   */
  async read(input: Input): Promise<string | undefined> {
    const { kind, name } = partsOf(input);
    if (kind === 'key') return this.#key(name);
    const bytes = name.startsWith('/') ? await this.#ofMachine(name) : await this.ofTask(name);
    return bytes && textOf(name, bytes);
  }

  /**
   * The same, but each input once: templates that are filled in together find the same. What is below the task may be
   * one of them.
   */
  readingOnce(): (input: Input) => Promise<string | undefined> {
    const known = new Map<Input, Promise<string | undefined>>();
    return (input) => {
      const isOfTask = /^file [^/]/.test(input);
      const found = known.get(input) ?? this.read(input);
      if (!isOfTask) known.set(input, found);
      return found;
    };
  }

  /** Where a file is, for whoever watches it. */
  pathOf(name: string): string {
    return name.startsWith('/') ? name : join(this.#taskDir, name);
  }

  /** Through no link: the task may have put one there, and the agent may read more than it. */
  async ofTask(name: string): Promise<Uint8Array | undefined> {
    const steps = name.split('/');
    if (steps.some((step) => ['', '.', '..'].includes(step)) || name.includes('\0')) {
      throw refused(`${name} is no path below the directory of the task`);
    }
    let dir = await open(this.#taskDir, DIRECTORY);
    try {
      for (const step of steps.slice(0, -1)) {
        const next: FileHandle = await open(below(dir, step), DIRECTORY);
        await dir.close();
        dir = next;
      }
      await using file = await open(below(dir, steps.at(-1) ?? ''), READ);
      if (!(await file.stat()).isFile()) throw refused(`${name} is no file`);
      return await readSome(file, LONGEST_INPUT + 1);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw diskFault(`cannot read ${name}`, error);
    } finally {
      await dir.close();
    }
  }

  async #ofMachine(path: string): Promise<Uint8Array | undefined> {
    const closed = (): HoldfastError => {
      const text = `${path} is nothing that this agent gives to templates: its operator may allow it by templates.fileRoots (--template-root)`;
      return new HoldfastError('CAPABILITY_MISSING', text);
    };
    const found = await readOpened(path, { roots: this.#roots, mostBytes: LONGEST_INPUT, closed });
    // What is not there is waited for only where it could be had.
    if (found === undefined && !(await isBelowRoots(await nearest(path), this.#roots))) {
      throw closed();
    }
    return found;
  }

  async #key(key: string): Promise<string | undefined> {
    if (this.keys === undefined) {
      const text =
        'this agent has no keys for templates: its operator may allow them by templates.keys (--template-keys)';
      throw new HoldfastError('CAPABILITY_MISSING', text);
    }
    const value = await this.keys.get(key, { signal: this.#signal }).catch((error: unknown) => {
      if (HoldfastError.is(error)) throw error;
      throw passing(`key ${JSON.stringify(key)} cannot be asked for: ${messageOf(error)}`, error);
    });
    if (value === undefined || typeof value === 'string') return value;
    throw refused(`the provider of keys gave no text for "${key}"`);
  }
}

export function partsOf(input: Input): { readonly kind: InputKind; readonly name: string } {
  const at = input.indexOf(' ');
  return { kind: input.slice(0, at) as InputKind, name: input.slice(at + 1) };
}

/** The real path of what there is of a way. */
async function nearest(path: string): Promise<string> {
  for (let part = dirname(normalize(path)); ; part = dirname(part)) {
    try {
      return await realpath(part);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || part === '/') return '/';
    }
  }
}
