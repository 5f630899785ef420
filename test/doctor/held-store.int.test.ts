/** A store that another process has open, and writes to, while it is looked into. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { exportStore } from '../../src/doctor/store-export.ts';
import { verifyStore } from '../../src/doctor/store-verdict.ts';
import { lockHolder } from '../../src/os/file-lock.ts';
import { FETCH, madeStore, pictureOf, type MadeStore } from './stores.ts';

const LOG = new URL('../../src/log/sqlite-event-log.ts', import.meta.url).pathname;
/** Opens the store of its argument, says so, and compacts a stream for each line that it reads. */
const HOLDER = `
  import { openSqliteEventLog } from ${JSON.stringify(LOG)};
  const [path, stream] = process.argv.slice(1);
  const log = openSqliteEventLog({ path });
  log.setMeta('agentEpoch', '9');
  process.stdin.on('data', async () => {
    await log.compact([stream], 7);
    process.stdout.write('done\\n');
  });
  process.stdout.write('open\\n');
`;

let made: MadeStore;
let holder: ChildProcess;
const answer = () => once(holder.stdout as NodeJS.EventEmitter, 'data');

beforeEach(async () => {
  made = await madeStore();
  await made.log.close();
  const args = ['--input-type=module', '-e', HOLDER, made.path, FETCH];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  holder = child;
  await answer();
});

describe('a store that another process holds', () => {
  it('is known as such by its locks, which are asked for and not taken', () => {
    expect(lockHolder(`${made.path}-shm`)).toBe(holder.pid);
    expect(lockHolder(made.markPath)).toBeUndefined();
    expect(lockHolder(`${made.path}-none`)).toBeUndefined();
  });

  it('is read in its place, with what was just written, and nothing is left beside it', async () => {
    const before = pictureOf(made.dataDir).map((one) => one.split(' ')[0]);
    expect(verifyStore({ path: made.path, markPath: undefined }).faults).toEqual([]);
    holder.stdin?.write('\n');
    await answer();
    expect(verifyStore({ path: made.path, markPath: undefined }).head).toBe(35);
    expect(pictureOf(made.dataDir).map((one) => one.split(' ')[0])).toEqual(before);
  });

  it('tells an export that a compaction overtook it', async () => {
    const events = exportStore(made, {}, () => undefined).events[Symbol.iterator]();
    events.next();
    holder.stdin?.write('\n');
    await answer();
    const rest = () => {
      while (events.next().done !== true);
    };
    expect(rest).toThrow(expect.objectContaining({ code: 'POSITION_COMPACTED' }));
  });

  it('is read as the kill of its holder left it, and stays like that', async () => {
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const before = pictureOf(made.dataDir);
    expect(before.some((one) => one.includes('log.db-wal'))).toBe(true);
    expect(verifyStore({ path: made.path, markPath: undefined })).toMatchObject({
      head: 34,
      faults: [],
    });
    expect(pictureOf(made.dataDir)).toEqual(before);
    expect(existsSync(`${made.path}-shm`)).toBe(true);
  });
});
