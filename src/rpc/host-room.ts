import { mostOpenFiles } from '../os/open-files.ts';
import type { HostKind } from './address-file.ts';

/**
 * What a host has open: some files of its own, with what a call opens for a moment, and some for each task. A collector
 * has the FIFO, the file and its marks of both streams open; an executor host both FIFOs, and `life` for a start.
 */
const FILES: Readonly<Record<HostKind, { readonly own: number; readonly perTask: number }>> = {
  executor: { own: 34, perTask: 3 },
  logmon: { own: 34, perTask: 6 },
  // Of each stream the FIFO, the pipe before it, the record and a connection or two.
  'docker-logger': { own: 34, perTask: 10 },
  driver: { own: 34, perTask: 2 },
};

/** For how many tasks a host of this process may open enough files, 1 at least. */
export function hostRoom(kind: HostKind, pid: number): number {
  const { own, perTask } = FILES[kind];
  return Math.max(1, Math.floor((mostOpenFiles(pid) - own) / perTask));
}
