/** Where the programs are that make containers. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

export interface OciPrograms {
  /** Absolute paths; undefined for one that is not on this machine. */
  readonly runc: string | undefined;
  readonly conmon: string | undefined;
}

/** Not PATH: a host has none to speak of, and what runs as root is not looked for where others may write. */
const DIRECTORIES = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/usr/libexec/podman',
  '/usr/lib/podman',
];

let known: OciPrograms | undefined;

/** Looks until both were found once: they may be installed while an agent runs. */
export function ociPrograms(): OciPrograms {
  if (known?.runc !== undefined && known.conmon !== undefined) return known;
  known = { runc: find('runc'), conmon: find('conmon') };
  return known;
}

function find(name: string): string | undefined {
  return DIRECTORIES.map((dir) => join(dir, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
