/** One artifact from its source to its destination. */
import { chmod, lstat, mkdir, readdir, readlink, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { HoldfastError, messageOf } from '../../errors.ts';
import { readSource, shownSource } from '../../spec/artifact-source.ts';
import type { ArchiveKind, ArtifactSpec } from '../../spec/artifact-spec.ts';
import type { TaskDirs } from '../hook.ts';
import { archiveKindOf, isSingle, unpackedName } from './archive-kind.ts';
import { checkFile, readChecksum } from './checksum.ts';
import { giveTo, mergeInto, moveInto, settleFile, settleTree } from './deliver.ts';
import { destinationOf } from './destination.ts';
import { openBelow, type Owner } from './directories.ts';
import { leadsOut } from './entry-path.ts';
import { diskFault, passing, refused } from './faults.ts';
import { getSource, type Got } from './get-source.ts';
import type { ArtifactRules } from './rules.ts';
import { unpack } from './unpack.ts';

export interface ArtifactWish {
  /** Its variables are filled in. */
  readonly artifact: ArtifactSpec;
  readonly env: Readonly<Record<string, string>>;
  /** Of this artifact; only the agent comes here. Made if needed, removed when all is done. */
  readonly dir: string;
  readonly dirs: Pick<TaskDirs, 'task' | 'alloc'>;
  /** Whoever the task runs as; undefined: the agent's user. */
  readonly owner: Owner | undefined;
  readonly rules: ArtifactRules;
  readonly signal: AbortSignal;
}

/** Gives a sentence about what was fetched. May be repeated. Every error names the artifact. */
export async function fetchArtifact(wish: ArtifactWish): Promise<string> {
  const { artifact, rules } = wish;
  const limitMs = Math.min(artifact.timeoutMs ?? rules.timeoutMs, rules.timeoutMs);
  const tooLong = new AbortController();
  const timer = setTimeout(
    () => tooLong.abort(passing(`took longer than ${limitMs / 1000} s`)),
    limitMs,
  );
  const signal = AbortSignal.any([wish.signal, tooLong.signal]);
  const maxBytes = Math.min(artifact.maxBytes ?? rules.maxBytes, rules.maxBytes);
  try {
    return await fetchAll({ ...wish, signal, rules: { ...rules, maxBytes } });
  } catch (error) {
    wish.signal.throwIfAborted();
    const cause = tooLong.signal.aborted ? tooLong.signal.reason : error;
    const fault = diskFault('cannot be fetched', cause);
    const text = `artifact ${shownSource(artifact.source)}: ${messageOf(fault)}`;
    const { retryable } = HoldfastError.from(fault);
    throw new HoldfastError('HOOK_FAILED', text, { cause: fault, retryable });
  } finally {
    clearTimeout(timer);
  }
}

async function fetchAll(wish: ArtifactWish): Promise<string> {
  const { artifact, dir, rules, owner, signal } = wish;
  const source = readSource(artifact.source);
  if ('fault' in source) throw refused(`its source ${source.fault}`);
  if (artifact.isInsecure === true && !rules.isInsecureAllowed) {
    throw refused('asks for certificates not to be checked, which this agent does not allow');
  }
  // Known to be wrong before anything is asked for.
  destinationOf(artifact.destination, wish.dirs);
  const isForOthers = owner !== undefined;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const got = await getSource({ ...wish, source, isForOthers });
  if (artifact.checksum !== undefined) await check(artifact.checksum, got, signal);
  const ready = await unpacked(wish, got);
  if (ready.kind === 'dir') await lookThrough(ready.path, rules.maxEntries);
  else await chmod(ready.path, Number.parseInt(artifact.perms ?? '644', 8));
  if (owner !== undefined && artifact.chown !== false) await giveTo(owner, ready.path);
  signal.throwIfAborted();
  // crash point: agent.artifact.fetched
  const place = await deliver(wish, ready);
  // crash point: agent.artifact.delivered
  await rm(dir, { recursive: true, force: true });
  return `fetched ${shownSource(artifact.source)} (${got.size}) to ${place}`;
}

async function check(checksum: string, got: Got, signal: AbortSignal): Promise<void> {
  const wanted = readChecksum(checksum);
  if (got.kind === 'dir') throw refused('is a directory, of which there is no checksum');
  try {
    await checkFile(got.path, wanted, signal);
  } catch (error) {
    signal.throwIfAborted();
    // What is wrong is not gone on with.
    await rm(got.path, { force: true });
    throw error;
  }
}

/** What is to be put in its place: the file itself, or what was in it. */
async function unpacked(wish: ArtifactWish, got: Got): Promise<Got> {
  const { artifact, dir, rules, signal } = wish;
  const kind = archiveKind(artifact, got);
  if (kind === undefined) {
    if (artifact.mode === 'dir' && got.kind === 'file') {
      throw refused('is one file and no archive, and mode "dir" asks for a directory');
    }
    if (artifact.mode === 'file' && got.kind === 'dir') {
      throw refused('is a directory, and mode "file" asks for a file');
    }
    return got;
  }
  const into = join(dir, 'unpacked');
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { mode: 0o755 });
  const name = unpackedName(got.name);
  await unpack({ file: got.path, kind, into, name, limits: rules, signal });
  if (!isSingle(kind)) return { kind: 'dir', path: into, name: '', size: got.size };
  if (artifact.mode === 'dir') throw refused('is one file, and mode "dir" asks for a directory');
  return { kind: 'file', path: join(into, name), name, size: got.size };
}

function archiveKind({ mode, unpack: wish }: ArtifactSpec, got: Got): ArchiveKind | undefined {
  if (got.kind === 'dir' || wish === 'never') return undefined;
  // A file is what was asked for: as it is, unless somebody says that something is in it.
  if (wish === undefined) return mode === 'file' ? undefined : archiveKindOf(got.name);
  if (mode === 'file' && !isSingle(wish)) {
    throw refused(`cannot be both one file (mode "file") and unpacked as ${wish}`);
  }
  return wish;
}

/** What others have written, such as a repository, is held to the same as what was unpacked. */
async function lookThrough(top: string, maxEntries: number): Promise<void> {
  const links = new Map<string, string>();
  let entries = 0;
  const look = async (dir: string): Promise<void> => {
    for (const name of await readdir(dir)) {
      const path = join(dir, name);
      const found = await lstat(path);
      const place = relative(top, path);
      // What git keeps for itself is many files, and not what was asked for.
      if (place.startsWith('.git/')) continue;
      if (++entries > maxEntries) throw refused(`holds more than the ${maxEntries} files allowed`);
      if (found.isSymbolicLink()) links.set(place, await readlink(path));
      else if (found.isDirectory()) await look(path);
    }
  };
  await look(top);
  for (const [path, target] of links) {
    if (!leadsOut(path, target, links)) continue;
    throw refused(`"${path}" is a link that leads out of it, to "${target}"`);
  }
}

/** Gives where it is now, for people. */
async function deliver(wish: ArtifactWish, ready: Got): Promise<string> {
  const { artifact, dirs, owner } = wish;
  const { root, steps, shown } = destinationOf(artifact.destination, dirs);
  const isFile = artifact.mode === 'file';
  const name = isFile ? steps.at(-1) : ready.name;
  if (name === undefined) throw refused('its destination is the task directory, and no file in it');
  const into = await openBelow(root, isFile ? steps.slice(0, -1) : steps, owner);
  try {
    if (ready.kind === 'dir') {
      await settleTree(ready.path);
      await mergeInto(ready.path, into, owner);
      await into.sync();
      return shown;
    }
    await settleFile(ready.path);
    await moveInto(ready.path, into, name, owner);
    await into.sync();
    return isFile ? shown : join(shown, name);
  } finally {
    await into.close();
  }
}
