import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { removedFiles } from '../../src/doctor/stuck-output.ts';

it('a doctor names files of output that are written and have no name any more', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'hf-'));
  const path = join(stateDir, 'logs', 'alloc', 'web.stdout.3');
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, 'w');
  try {
    const look = () => removedFiles({ stateDir } as never, [process.pid]);
    expect(look()).toEqual([]);
    rmSync(path);
    expect(look()).toMatchObject([
      { level: 'warn', message: `${path} was removed as it was written` },
    ]);
  } finally {
    closeSync(fd);
    rmSync(stateDir, { recursive: true });
  }
});
