import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

const bin = resolve(import.meta.dirname, '../../bin/holdfast');

it.each([['version'], ['logs', '--help'], ['doctor', '--data-dir', '/nowhere']])(
  'says in one sentence that %s cannot write to a full disk',
  (...args) => {
    const full = openSync('/dev/full', 'w');
    try {
      const { status, stderr } = spawnSync(bin, args, { stdio: ['ignore', full, 'pipe'] });
      expect(status).toBe(1);
      expect(String(stderr)).toMatch(
        /^holdfast: what was asked for cannot be written: ENOSPC.*\n$/,
      );
    } finally {
      closeSync(full);
    }
  },
);
