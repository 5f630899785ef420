import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFifo } from '../../src/os/libc.ts';
import { removeRun } from '../../src/os/remove-run.ts';
import { tryAbort } from '../../src/os/run-directory.ts';

let top: string;
let dir: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'hf-run-'));
  dir = join(top, 'run');
  mkdirSync(dir);
  makeFifo(join(dir, 'life'));
  tryAbort(dir, 'a test');
});
afterEach(() => rmSync(top, { recursive: true }));

it('the files of a run stay for as long as a slow shim may still look for its fate', async () => {
  const held = openSync(join(dir, 'life'), constants.O_RDWR);
  expect(await removeRun(dir)).toBe(false);
  expect(readdirSync(dir).toSorted()).toEqual(['fate', 'life']);
  closeSync(held);
  expect(await removeRun(dir)).toBe(true);
  expect(readdirSync(top)).toEqual([]);
});

it('files that are gone already are removed', async () => {
  rmSync(dir, { recursive: true });
  expect(await removeRun(dir)).toBe(true);
});
