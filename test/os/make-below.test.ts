import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makeBelow } from '../../src/os/make-below.ts';

it('directories are made below one that is there, and nothing in the place of one that is gone', () => {
  const top = mkdtempSync(join(tmpdir(), 'hf-below-'));
  onTestFinished(() => rmSync(top, { recursive: true, force: true }));
  makeBelow(top, join(top, 'run', 'key'));
  makeBelow(top, join(top, 'run', 'key'));
  expect(existsSync(join(top, 'run', 'key'))).toBe(true);
  rmSync(top, { recursive: true });
  expect(() => makeBelow(top, join(top, 'run'))).toThrow(
    expect.objectContaining({ code: 'UNAVAILABLE' }),
  );
  expect(existsSync(top)).toBe(false);
});
