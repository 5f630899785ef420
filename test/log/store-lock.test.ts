import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockStore } from '../../src/log/store-lock.ts';
import { freshDir } from './fresh-dir.ts';

describe('the lock of a directory', () => {
  it('is refused to a second one, who is told who has it', () => {
    const dir = freshDir();
    const lock = lockStore(dir, { pid: process.pid });
    expect(() => lockStore(dir, { pid: 1 })).toThrow(
      expect.objectContaining({
        code: 'STORE_LOCKED',
        details: { dir, ...lock.holder },
        message: `${dir} is in use by the agent with pid ${process.pid}`,
      }),
    );
    lock.release();
  });

  it('is free again after its release, which may be repeated', () => {
    const dir = freshDir();
    const first = lockStore(dir, { pid: process.pid });
    first.release();
    const second = lockStore(dir, { pid: process.pid });
    first.release();
    expect(existsSync(join(dir, 'lock.json'))).toBe(true);
    second.release();
    expect(existsSync(join(dir, 'lock.json'))).toBe(false);
  });

  it.each(['lock', 'lock.json', 'lock-journal'])('is taken over a directory called %s', (name) => {
    const dir = freshDir();
    mkdirSync(join(dir, name));
    lockStore(dir, { pid: process.pid }).release();
  });

  it('is taken over what a dead holder left behind', () => {
    const dir = freshDir();
    writeFileSync(join(dir, 'lock.json'), '{"pid":4194999}');
    writeFileSync(join(dir, 'lock'), 'no database '.repeat(100));
    lockStore(dir, { pid: process.pid }).release();
  });

  it('makes the directory, and names the start of its holder', () => {
    const dir = join(freshDir(), 'state');
    const lock = lockStore(dir, { pid: process.pid });
    expect(lock.holder).toMatchObject({
      pid: process.pid,
      startTime: expect.stringMatching(/^\d+$/),
    });
    lock.release();
  });

  it('belongs to one directory, by whatever name', () => {
    const dir = freshDir();
    const lock = lockStore(dir, { pid: process.pid });
    expect(() => lockStore(`${dir}/../${dir.split('/').at(-1)}`, { pid: 1 })).toThrow(
      expect.objectContaining({ code: 'STORE_LOCKED' }),
    );
    lockStore(freshDir(), { pid: process.pid }).release();
    lock.release();
  });
});
