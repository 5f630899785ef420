/** Who may call: the agent's own token, and those that were named. Of a named one only its hash is kept. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, HoldfastError } from '../errors.ts';
import { SCOPES, type Scope } from './scopes.ts';

export interface TokenEntry {
  readonly name: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly scopes: readonly Scope[];
  /** ISO 8601. */
  readonly createdAt: string;
}

/** Whoever showed a token. */
export interface Caller {
  readonly name: string;
  readonly scopes: readonly Scope[];
}

const ROOT = 'http-token';

/** The tokens of one state directory. What others change of them counts with the next call. */
export class Tokens {
  readonly #dir: string;
  readonly #root: Buffer;
  #named: readonly TokenEntry[] = [];
  #readAt = '';

  /** Makes the agent's own token when there is none. Errors: what the file system says. */
  constructor(dir: string) {
    this.#dir = dir;
    this.#root = hashOf(rootToken(dir));
  }

  /** Undefined for a token that nobody has. Takes the same time whatever is wrong with it. */
  callerOf(token: string): Caller | undefined {
    const hash = hashOf(token);
    let caller: Caller | undefined;
    for (const { name, sha256, scopes } of this.#all()) {
      if (timingSafeEqual(Buffer.from(sha256, 'hex'), hash)) caller = { name, scopes };
    }
    return timingSafeEqual(this.#root, hash) ? { name: 'root', scopes: SCOPES } : caller;
  }

  #all(): readonly TokenEntry[] {
    const path = namedPath(this.#dir);
    const found = statSync(path, { throwIfNoEntry: false, bigint: true });
    const seen = found === undefined ? '' : `${found.ino} ${found.mtimeNs} ${found.size}`;
    if (seen !== this.#readAt) {
      this.#named = namedTokens(this.#dir);
      this.#readAt = seen;
    }
    return this.#named;
  }
}

/** Where the agent's own token is, for whoever may read it. */
export function rootTokenPath(dir: string): string {
  return join(dir, ROOT);
}

/** Errors: STORE_CORRUPT when the file is not ours. */
export function namedTokens(dir: string): readonly TokenEntry[] {
  try {
    const entries = JSON.parse(readFileSync(namedPath(dir), 'utf8')) as unknown;
    if (Array.isArray(entries) && entries.every(isEntry)) return entries;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new HoldfastError('STORE_CORRUPT', `${namedPath(dir)} holds no tokens: remove it`);
}

/** Gives the token, which is nowhere else. Errors: ALREADY_EXISTS. */
export function createToken(dir: string, name: string, scopes: readonly Scope[]): string {
  const before = namedTokens(dir);
  if (name === 'root' || before.some((entry) => entry.name === name)) {
    throw new HoldfastError('ALREADY_EXISTS', `there is a token ${name} already`);
  }
  const token = newToken();
  const sha256 = hashOf(token).toString('hex');
  write(dir, [...before, { name, sha256, scopes, createdAt: new Date().toISOString() }]);
  return token;
}

/** Errors: NOT_FOUND. */
export function revokeToken(dir: string, name: string): void {
  const before = namedTokens(dir);
  const after = before.filter((entry) => entry.name !== name);
  if (after.length === before.length) {
    throw new HoldfastError('NOT_FOUND', `there is no token ${name}`);
  }
  write(dir, after);
}

function write(dir: string, entries: readonly TokenEntry[]): void {
  const path = namedPath(dir);
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, `${JSON.stringify(entries, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(fresh, path);
}

/** Two agents that begin at the same time have the same one: whoever links first. */
function rootToken(dir: string): string {
  const path = rootTokenPath(dir);
  const known = readIfAny(path);
  if (known !== undefined) return known;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, `${newToken()}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(fresh, path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(fresh, { force: true });
  }
  return readIfAny(path) ?? rootToken(dir);
}

function readIfAny(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    if (text.length >= 32) return text;
    throw new HoldfastError('STORE_CORRUPT', `${path} holds no token: remove it`);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isEntry(entry: unknown): entry is TokenEntry {
  const { name, sha256, scopes } = (entry ?? {}) as Partial<TokenEntry>;
  if (typeof name !== 'string' || !/^[0-9a-f]{64}$/.test(String(sha256))) return false;
  return Array.isArray(scopes) && scopes.every((scope) => SCOPES.includes(scope as Scope));
}

/** 256 bits of chance, so that its hash needs no salt and no work. */
function newToken(): string {
  return `hf_${randomBytes(32).toString('base64url')}`;
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function namedPath(dir: string): string {
  return join(dir, 'http-tokens.json');
}
