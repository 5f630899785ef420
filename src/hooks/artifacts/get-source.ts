/** From a source to a file or a tree in a directory of which only the agent knows. */
import { mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactSource } from '../../spec/artifact-source.ts';
import type { ArtifactSpec } from '../../spec/artifact-spec.ts';
import { fileNameOf } from './archive-kind.ts';
import { download, type Download } from './download.ts';
import { isRetryable } from '../../errors.ts';
import { refused } from './faults.ts';
import { fetchRepository } from './git.ts';
import {
  isBelowRoots,
  copyLocal,
  copyLocalTree,
  openLocal,
  type Local,
  type LocalWish,
} from './local-file.ts';
import type { ArtifactRules } from './rules.ts';
import { s3Credentials, s3Place, s3Signer } from './s3.ts';

export interface SourceWish {
  readonly artifact: ArtifactSpec;
  readonly source: ArtifactSource;
  /** The variables of the task, for credentials by their usual names. */
  readonly env: Readonly<Record<string, string>>;
  /** Kept between tries, so that what has come of a file is gone on with. */
  readonly dir: string;
  readonly rules: ArtifactRules;
  readonly isForOthers: boolean;
  readonly signal: AbortSignal;
}

export interface Got {
  readonly kind: 'file' | 'dir';
  readonly path: string;
  /** Of the file, as its source calls it; empty for a tree. */
  readonly name: string;
  /** For people. */
  readonly size: string;
}

/** A connection that breaks off is tried again as long as each try brings something. */
const MOST_TRIES = 10;

export async function getSource(wish: SourceWish): Promise<Got> {
  const { source } = wish;
  switch (source.kind) {
    case 'http':
      return getFile(wish, source.url, undefined);
    case 's3': {
      const { options = {} } = wish.artifact;
      const { url, region } = s3Place(source, options);
      const credentials = s3Credentials(options, wish.env);
      const sign = credentials === undefined ? undefined : s3Signer(credentials, region);
      return getFile(wish, url, sign);
    }
    case 'git':
      return getRepository(wish, source);
    case 'file':
      return getLocal(wish, source.path);
  }
}

async function getFile(wish: SourceWish, url: string, sign: Download['sign']): Promise<Got> {
  const { artifact, dir, rules, signal } = wish;
  const file = join(dir, 'got');
  const { maxBytes, idleTimeoutMs } = rules;
  const { headers = {}, isInsecure = false } = artifact;
  const asked = { url, headers, isInsecure, sign, signal, file, maxBytes, idleTimeoutMs };
  let had = await sizeOf(file);
  for (let tries = 1; ; tries += 1) {
    try {
      await download(asked);
      break;
    } catch (error) {
      const has = await sizeOf(file);
      if (!isRetryable(error) || has <= had || tries === MOST_TRIES) throw error;
      had = has;
    }
  }
  const name = fileNameOf(new URL(url).pathname);
  return { kind: 'file', path: file, name, size: `${await sizeOf(file)} bytes` };
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}

async function getRepository(
  wish: SourceWish,
  source: Extract<ArtifactSource, { kind: 'git' }>,
): Promise<Got> {
  const { artifact, dir, signal } = wish;
  const { options = {}, headers = {}, isInsecure = false } = artifact;
  const { host, protocol, pathname } = new URL(source.url);
  if (protocol === 'file:') await refuseClosed(wish, decodeURIComponent(pathname));
  if (protocol === 'http:' && Object.keys(headers).length > 0) {
    throw refused(`would send its headers to ${host} for everybody to read: use https`);
  }
  await dropEarlier(dir);
  // One that an agent died over may still be written to.
  const fresh = join(dir, `git-${process.pid}-${process.hrtime.bigint()}`);
  await mkdir(fresh, { mode: 0o700 });
  const depth = options.depth ?? source.depth;
  const { isForOthers } = wish;
  const who = { sshKey: options.sshKey, headers, isInsecure, isForOthers };
  const ref = options.ref ?? source.ref;
  try {
    const { url } = source;
    const commit = await fetchRepository({ ...who, url, ref, depth, dir: fresh, signal });
    return { kind: 'dir', path: join(fresh, 'tree'), name: '', size: `commit ${commit}` };
  } finally {
    await rm(join(fresh, 'key'), { force: true });
  }
}

/** Git reads many files, of which nobody can say beforehand whether they are open to everybody. */
async function refuseClosed({ isForOthers, rules }: SourceWish, path: string): Promise<void> {
  if (!isForOthers) return;
  const real = await realpath(path).catch(() => path);
  if (await isBelowRoots(real, rules.fileRoots)) return;
  const text = `${path} is a repository of this machine, and below no root of file artifacts of the agent`;
  throw refused(text);
}

/** As far as they can be removed: a program that outlived its agent may be at work there. */
async function dropEarlier(dir: string): Promise<void> {
  const earlier = (await readdir(dir)).filter((name) => name.startsWith('git-'));
  const removed = earlier.map((name) => rm(join(dir, name), { recursive: true, force: true }));
  await Promise.allSettled(removed);
}

async function getLocal(wish: SourceWish, path: string): Promise<Got> {
  const { rules, isForOthers, signal } = wish;
  const asked = { path, isForOthers, roots: rules.fileRoots, limits: rules, signal };
  const found = await openLocal(asked);
  try {
    return await copied(asked, found, wish.dir);
  } finally {
    await found.handle.close();
  }
}

async function copied(asked: LocalWish, found: Local, dir: string): Promise<Got> {
  if (found.kind === 'file') {
    const file = join(dir, 'got');
    await copyLocal(asked, found.handle, file);
    const size = `${await sizeOf(file)} bytes`;
    return { kind: 'file', path: file, name: fileNameOf(asked.path), size };
  }
  const tree = join(dir, 'copy');
  await rm(tree, { recursive: true, force: true });
  await mkdir(tree, { mode: 0o755 });
  const bytes = await copyLocalTree(asked, found, tree);
  return { kind: 'dir', path: tree, name: '', size: `${bytes} bytes` };
}
