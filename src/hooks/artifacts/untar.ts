/** The entries of a tar stream, one after the other. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { Parser, type ReadEntry } from 'tar';
import { refused } from './faults.ts';
import type { Tree } from './tree.ts';

/** `plain` is not compressed. */
export async function untarInto(tree: Tree, plain: Readable, signal: AbortSignal): Promise<void> {
  const parser = new Parser({ strict: true });
  let seen = 0;
  let turn: Promise<void> = Promise.resolve();
  const failed = new AbortController();
  const fail = (error: unknown): void => failed.abort(error);
  parser.on('error', fail);
  parser.on('entry', (entry: ReadEntry) => {
    seen += 1;
    turn = turn.then(() => take(tree, entry)).catch(fail);
  });
  const stop = AbortSignal.any([signal, failed.signal]);
  const ended = once(parser, 'end', { signal: stop });
  ended.catch(() => {});
  try {
    for await (const chunk of plain) {
      stop.throwIfAborted();
      if (!parser.write(chunk as Buffer)) await once(parser, 'drain', { signal: stop });
    }
    parser.end();
    await ended;
    await turn;
    stop.throwIfAborted();
  } catch (error) {
    signal.throwIfAborted();
    throw failed.signal.aborted ? failed.signal.reason : error;
  } finally {
    plain.destroy();
  }
  if (seen === 0) throw refused('is an archive without anything in it');
}

/** An entry that is not read holds the next one up. */
async function take(tree: Tree, entry: ReadEntry): Promise<void> {
  const { path, type, linkpath = '', mode = 0o644 } = entry;
  // As `tar --sparse` writes it in the pax format: a map of the holes and then what is between them.
  if (/(^|\/)GNUSparseFile\.\d+\//.test(path)) tree.refuse(path, 'file with holes');
  switch (type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
      return tree.file(path, mode, Readable.from(entry));
    case 'Directory':
    case 'GNUDumpDir':
      await tree.directory(path);
      break;
    case 'SymbolicLink':
      tree.symbolicLink(path, linkpath);
      break;
    case 'Link':
      await tree.hardLink(path, linkpath);
      break;
    default:
      tree.refuse(path, WORDS[type] ?? `thing of the kind ${type}`);
  }
  entry.resume();
}

const WORDS: Readonly<Record<string, string>> = {
  CharacterDevice: 'device',
  BlockDevice: 'device',
  FIFO: 'pipe',
};
