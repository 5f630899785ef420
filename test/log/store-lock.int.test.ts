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

const CONTENDER = `
  const { lockStore } = await import(process.argv[1]);
  process.stdout.write('.');
  for await (const data of process.stdin) {
    const [dir, at] = String(data).split(' ');
    while (Date.now() < Number(at));
    let answer;
    try {
      (globalThis.held ??= []).push(lockStore(dir, { pid: process.pid }));
      answer = 'locked';
    } catch (error) {
      answer = error.code;
    }
    process.stdout.write(answer);
  }
`;

it('goes to exactly one of two processes that take it at the same moment', async () => {
  const module = new URL('../../src/log/store-lock.ts', import.meta.url).href;
  const arguments_ = ['--input-type=module', '-e', CONTENDER, module];
  const both = [1, 2].map(() => {
    return spawn(process.execPath, arguments_, { stdio: ['pipe', 'pipe', 'inherit'] });
  });
  const answer = async ({ stdout }: (typeof both)[number]): Promise<string> =>
    String((await once(stdout, 'data'))[0]);
  await Promise.all(both.map(answer));
  for (let round = 0; round < 40; round += 1) {
    const word = `${freshDir()} ${Date.now() + 8}`;
    for (const { stdin } of both) stdin.write(word);
    const answers = await Promise.all(both.map(answer));
    expect(answers.toSorted()).toEqual(['STORE_LOCKED', 'locked']);
  }
  for (const child of both) child.kill('SIGKILL');
});

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
