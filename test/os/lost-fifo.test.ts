import {
  closeSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { makeFifo } from '../../src/os/libc.ts';
import { openFifoOrLost } from '../../src/os/lost-fifo.ts';

function freshDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'hf-fifo-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function held(fd: number): number {
  onTestFinished(() => closeSync(fd));
  return fd;
}

function textIn(fd: number): string {
  const bytes = Buffer.alloc(100);
  return bytes.toString('utf8', 0, readSync(fd, bytes));
}

it('a FIFO without a name is opened at whoever holds it, the one that was made last', async () => {
  vi.spyOn(performance, 'now').mockReturnValue(1e9);
  onTestFinished(() => void vi.restoreAllMocks());
  const path = join(freshDir(), 'key.out');
  let newest = 0;
  for (const text of ['first', 'second']) {
    makeFifo(path);
    newest = held(openSync(path, 'r+'));
    writeSync(newest, text);
    rmSync(path);
    // File times move with the ticks of the kernel.
    await delay(20);
  }
  const found = held(openFifoOrLost(path));
  expect(textIn(found)).toBe('second');
  writeSync(newest, 'more');
  expect(textIn(found)).toBe('more');
});

it('neither a file without a name nor one that nobody holds is taken for it', () => {
  vi.spyOn(performance, 'now').mockReturnValue(2e9);
  onTestFinished(() => void vi.restoreAllMocks());
  const dir = freshDir();
  const path = join(dir, 'key.out');
  writeFileSync(path, '');
  held(openSync(path, 'r'));
  rmSync(path);
  expect(() => openFifoOrLost(path)).toThrow('ENOENT');
  makeFifo(path);
  rmSync(path);
  expect(() => openFifoOrLost(path)).toThrow('ENOENT');
});
