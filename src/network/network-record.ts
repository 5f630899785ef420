/**
 * What was made for the network of an alloc, written before any of it is made: whoever finds it can take all of it away
 * again. A directory for each alloc, which only the agent can look into: what is in it is mounted into tasks.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../os/atomic-file.ts';
import { readPlainFile } from '../os/plain-file.ts';
import { namesIn } from '../os/quiet-reads.ts';
import type { Capabilities, CniList } from './cni-list.ts';

export interface NetworkRecord {
  readonly allocId: string;
  /** Of the namespace, below `/run/netns`. */
  readonly namespace: string;
  /** Who connected it; left out for one with nothing but its `lo`. */
  readonly attached?: {
    readonly list: CniList;
    readonly capabilities: Capabilities;
    readonly args: string;
    /** Of the last plugin that answered. */
    readonly result?: unknown;
    /** All of them have. */
    readonly isWhole: boolean;
  };
}

const RECORD = 'record.json';

export class NetworkRecords {
  readonly #dir: string;

  /** The directory is made with the first record. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Durable when it returns. Throws what the disk says. */
  write(record: NetworkRecord): void {
    this.#place(record.allocId, RECORD, `${JSON.stringify(record)}\n`, true);
  }

  /** Undefined for none, and for one that says nothing. */
  read(allocId: string): NetworkRecord | undefined {
    try {
      const found = readPlainFile(join(this.#dir, allocId, RECORD));
      if (found.is !== 'text') return undefined;
      const record = JSON.parse(found.text) as Partial<NetworkRecord>;
      const isWhole = record.allocId === allocId && typeof record.namespace === 'string';
      return isWhole ? (record as NetworkRecord) : undefined;
    } catch {
      return undefined;
    }
  }

  /** A file for the tasks of the alloc, whoever they run as; its path. Throws what the disk says. */
  placeFile(allocId: string, name: string, text: string): string {
    const path = this.#place(allocId, name, text, false);
    chmodSync(path, 0o644);
    return path;
  }

  remove(allocId: string): void {
    rmSync(join(this.#dir, allocId), { recursive: true, force: true });
  }

  /** Allocs that there is something of. */
  allocIds(): readonly string[] {
    return namesIn(this.#dir);
  }

  #place(allocId: string, name: string, text: string, durable: boolean): string {
    const dir = join(this.#dir, allocId);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const path = join(dir, name);
    replaceFile(path, text, { durable });
    return path;
  }
}
