import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openStore } from '../../src/log/open-store.ts';
import { connect } from '../../src/log/sqlite.ts';
import { silentLogger } from '../../src/ports.ts';
import { messages, WEB } from './events.ts';
import { freshDir } from './fresh-dir.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function store() {
  const dir = freshDir();
  const { log } = await openStore({ dir, logger: silentLogger });
  const walBytes = (): number => statSync(join(dir, 'log.db-wal')).size;
  return { log, dir, walBytes };
}

describe('the write-ahead log', () => {
  it('is moved into the store and cut off when nothing was written for a while', async () => {
    const { log, walBytes } = await store();
    await log.append(WEB, 0, messages(10));
    expect(walBytes()).toBeGreaterThan(0);
    vi.advanceTimersByTime(9_000);
    await log.append(WEB, 10, messages(10));
    vi.advanceTimersByTime(9_000);
    expect(walBytes()).toBeGreaterThan(0);
    vi.advanceTimersByTime(1_000);
    expect(walBytes()).toBe(0);
    await log.append(WEB, 20, messages(10));
    vi.advanceTimersByTime(10_000);
    expect(walBytes()).toBe(0);
    expect(log.readStream(WEB)).toHaveLength(30);
    await log.close();
  });

  it('stays as it is while somebody reads, who is not waited for', async () => {
    const { log, dir, walBytes } = await store();
    await log.append(WEB, 0, messages(10));
    const reader = connect(join(dir, 'log.db'));
    reader.exec('BEGIN');
    expect(reader.prepare('SELECT count(*) FROM events').pluck().get()).toBe(10);
    vi.advanceTimersByTime(10_000);
    expect(walBytes()).toBeGreaterThan(0);
    reader.exec('COMMIT');
    await log.append(WEB, 10, messages(1));
    vi.advanceTimersByTime(10_000);
    expect(walBytes()).toBe(0);
    reader.close();
    await log.close();
  });

  it('is left alone once the log is closed', async () => {
    const { log } = await store();
    await log.append(WEB, 0, messages(1));
    await log.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
