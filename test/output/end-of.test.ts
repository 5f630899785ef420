import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { isBefore } from '../../src/output/cursor.ts';
import { endOf } from '../../src/output/segment-bytes.ts';
import { segmentPath } from '../../src/output/segments.ts';
import { WrittenOutput } from './written-output.ts';

let output: WrittenOutput;
beforeEach(() => {
  output = new WrittenOutput(mkdtempSync(join(tmpdir(), 'holdfast-end-')));
});
afterEach(() => rmSync(output.dir, { recursive: true }));

const series = () => ({ dir: output.dir, stem: output.stem, stream: 'stdout' as const });

describe('the end of a stream', () => {
  it('is never in front of what was written, though all files go while they are looked at', async () => {
    output.write('stdout', 'begun\n');
    for (let look = 0; look < 300; look += 1) {
      const { length } = output.text('stdout', ({ segment }) => segment === look);
      const written = { segment: look, offset: length };
      const looking = endOf(series());
      for (let turn = look % 6; turn > 0; turn -= 1) await nextTurn();
      output.rotate('stdout');
      output.purge('stdout', look);
      expect(isBefore(await looking, written)).toBe(false);
      output.write('stdout', 'more\n');
    }
  });

  it('is the beginning when there is nothing but a directory of that name', async () => {
    mkdirSync(segmentPath(series(), 3));
    expect(await endOf(series())).toEqual({ segment: 0, offset: 0 });
  });
});
