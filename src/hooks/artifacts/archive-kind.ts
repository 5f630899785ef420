/** What the name of a source says of its form, as go-getter reads it. */
import type { ArchiveKind } from '../../spec/artifact-spec.ts';

const ENDINGS: readonly (readonly [ending: string, kind: ArchiveKind])[] = [
  ['.tar.gz', 'tar.gz'],
  ['.tgz', 'tar.gz'],
  ['.tar.bz2', 'tar.bz2'],
  ['.tbz2', 'tar.bz2'],
  ['.tar.xz', 'tar.xz'],
  ['.txz', 'tar.xz'],
  ['.tar', 'tar'],
  ['.zip', 'zip'],
  ['.gz', 'gz'],
  ['.bz2', 'bz2'],
  ['.xz', 'xz'],
];

export function archiveKindOf(name: string): ArchiveKind | undefined {
  const lower = name.toLowerCase();
  return ENDINGS.find(([ending]) => lower.endsWith(ending) && lower !== ending)?.[1];
}

/** One file that was packed by itself, and no tree. */
export function isSingle(kind: ArchiveKind): boolean {
  return kind === 'gz' || kind === 'bz2' || kind === 'xz';
}

/** The name of the file that was packed by itself. */
export function unpackedName(name: string): string {
  return name.replace(/\.(gz|bz2|xz)$/i, '');
}

/** The last step of a path, as a name that can be given to a file. */
export function fileNameOf(path: string): string {
  const name = path.split('/').findLast((step) => step !== '') ?? '';
  let plain = name;
  try {
    plain = decodeURIComponent(name);
  } catch {
    // A name with a % of its own.
  }
  const isUsable = /^[^/\0]{1,255}$/.test(plain) && plain !== '.' && plain !== '..';
  return isUsable ? plain : 'artifact';
}
