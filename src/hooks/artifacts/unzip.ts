/** The entries of a zip file, one after the other. */
import { buffer } from 'node:stream/consumers';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { refused } from './faults.ts';
import type { Tree } from './tree.ts';

const LONGEST_LINK = 4_096;
const KIND = 0o170000;
const DIRECTORY = 0o040000;
const LINK = 0o120000;
const FILE = 0o100000;
/** `versionMadeBy` of who keeps modes as Unix does. */
const UNIX = 3;

export async function unzipInto(tree: Tree, file: string, signal: AbortSignal): Promise<void> {
  const options = { autoClose: false, strictFileNames: true, validateEntrySizes: true };
  const zip = await openPromise(file, options);
  try {
    for await (const entry of zip.eachEntry()) {
      signal.throwIfAborted();
      await take(tree, zip, entry);
    }
  } finally {
    zip.close();
  }
}

async function take(tree: Tree, zip: ZipFile, entry: Entry): Promise<void> {
  const { fileName: name } = entry;
  const isUnix = entry.versionMadeBy >> 8 === UNIX;
  const mode = isUnix ? entry.externalFileAttributes >>> 16 : 0;
  const kind = mode & KIND;
  if (name.endsWith('/') || kind === DIRECTORY) return tree.directory(name);
  if (entry.isEncrypted()) throw refused(`"${name}" is encrypted`);
  if (kind === LINK) {
    if (entry.uncompressedSize > LONGEST_LINK) throw refused(`"${name}" is a link too long`);
    const target = await buffer(await zip.openReadStreamPromise(entry));
    return tree.symbolicLink(name, target.toString());
  }
  if (kind !== 0 && kind !== FILE) tree.refuse(name, 'device, pipe or socket');
  await tree.file(name, kind === 0 ? 0o644 : mode, await zip.openReadStreamPromise(entry));
}
