/** The mounts that this process sees, proc(5): which one a path is on, and what passes between it and others. */
import { readFileSync, realpathSync } from 'node:fs';

export interface MountEntry {
  readonly id: number;
  readonly point: string;
  /** What of its file system is mounted: of a namespace its kind and number, `net:[4026531840]`. */
  readonly root: string;
  /** What is mounted below it is seen by its peers. */
  readonly isShared: boolean;
  /** It receives what is mounted elsewhere. */
  readonly isSlave: boolean;
}

export function readMountTable(): readonly MountEntry[] {
  return parseMountTable(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** Pure. */
export function parseMountTable(text: string): readonly MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split('\n')) {
    const [before = '', after] = line.split(' - ');
    const [id = '', , , root = '', point, , ...optional] = before.split(' ');
    if (after === undefined || point === undefined) continue;
    entries.push({
      id: Number(id),
      point: point.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
      root,
      isShared: optional.some((word) => word.startsWith('shared:')),
      isSlave: optional.some((word) => word.startsWith('master:')),
    });
  }
  return entries;
}

/** The mount that a path is on; of several on one point the last one made hides the others. Throws as realpath(3). */
export function mountOf(path: string, table: readonly MountEntry[]): MountEntry | undefined {
  const real = realpathSync(path);
  let found: MountEntry | undefined;
  for (const entry of table) {
    const isAbove =
      entry.point === '/' || real === entry.point || real.startsWith(`${entry.point}/`);
    if (isAbove && entry.point.length >= (found?.point.length ?? 0)) found = entry;
  }
  return found;
}
