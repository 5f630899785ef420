/** Stores to look into. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Recorded } from '../../src/events/envelope.ts';
import { layoutOf } from '../../src/layout.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openStore } from '../../src/log/open-store.ts';
import type { EventLogOptions } from '../../src/log/row-event-log.ts';
import { connect } from '../../src/log/sqlite.ts';
import { silentLogger } from '../../src/ports.ts';
import { freshDir } from '../log/fresh-dir.ts';

export interface MadeStore {
  readonly dataDir: string;
  readonly path: string;
  readonly markPath: string;
  readonly log: EventLog;
}

const STORY = new URL('../replay/histories/0.1.0-batch-with-prestart.jsonl', import.meta.url);
export const ALLOC_ID = '5f0c7a52-2f0e-4f0e-9d5e-0c8f2a6b1d11';
export const FETCH = `task/${ALLOC_ID}/fetch`;

/** An open store in a data directory of its own, with the whole life of an alloc of two tasks in it. */
export async function madeStore(options: EventLogOptions = {}): Promise<MadeStore> {
  const dataDir = freshDir();
  const { storeDir } = layoutOf(dataDir);
  mkdirSync(storeDir, { recursive: true, mode: 0o700 });
  const { log } = await openStore({ dir: storeDir, logger: silentLogger, ...options });
  onTestFinished(() => log.close());
  for (const line of readFileSync(STORY, 'utf8').trimEnd().split('\n')) {
    const { stream, type, run, at, data } = JSON.parse(line) as Recorded;
    await log.append(stream, log.versionOf(stream), [{ type, run, at, data }]);
  }
  return { dataDir, path: join(storeDir, 'log.db'), markPath: join(storeDir, 'head'), log };
}

/** Changes a store behind the back of everybody. */
export function change(path: string, sql: string): void {
  const connection = connect(path);
  connection.exec(sql);
  connection.close();
}

/** Names, sizes and contents of everything in a directory. */
export function pictureOf(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(dir, name);
      if (!statSync(path).isFile()) return name;
      return `${name} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
    });
}
