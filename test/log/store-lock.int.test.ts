import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lockStore } from '../../src/log/store-lock.ts';
import { freshDir } from './fresh-dir.ts';

const HOLDER = `
  const { lockStore } = await import(process.argv[1]);
  globalThis.held = lockStore(process.argv[2], { pid: process.pid });
  process.stdout.write('locked');
  setInterval(() => {}, 1000);
`;

it('is held by another process until that is killed by force', async () => {
  const dir = freshDir();
  const module = new URL('../../src/log/store-lock.ts', import.meta.url).href;
  const arguments_ = ['--input-type=module', '-e', HOLDER, module, dir];
  const holder = spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  expect(() => lockStore(dir, { pid: process.pid })).toThrow(
    expect.objectContaining({
      code: 'STORE_LOCKED',
      details: expect.objectContaining({ pid: holder.pid }),
    }),
  );
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  expect(existsSync(join(dir, 'lock.json'))).toBe(true);
  const lock = lockStore(dir, { pid: process.pid });
  expect(lock.holder.pid).toBe(process.pid);
  lock.release();
});

it('is refused while somebody holds a lock file that was removed', async () => {
  const dir = freshDir();
  const module = new URL('../../src/log/store-lock.ts', import.meta.url).href;
  const arguments_ = ['--input-type=module', '-e', HOLDER, module, dir];
  const holder = spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  rmSync(join(dir, 'lock'));
  for (const _time of [1, 2]) {
    expect(() => lockStore(dir, { pid: process.pid })).toThrow(
      expect.objectContaining({
        code: 'STORE_LOCKED',
        message: `${dir} is in use by the agent with pid ${holder.pid}, although somebody removed its lock file`,
      }),
    );
  }
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  lockStore(dir, { pid: process.pid }).release();
});
