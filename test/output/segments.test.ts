import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { listSegments, newestSegment, segmentNumbers } from '../../src/output/segments.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-output-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const series = (stem = 'web') => ({ dir, stem, stream: 'stdout' }) as const;

describe('segments', () => {
  it('are listed by number, not by name, with the size they really have', async () => {
    for (const number of [10, 9, 2])
      writeFileSync(join(dir, `web.stdout.${number}`), 'x'.repeat(number));
    expect(await listSegments(series())).toEqual([
      { number: 2, sizeBytes: 2 },
      { number: 9, sizeBytes: 9 },
      { number: 10, sizeBytes: 10 },
    ]);
    expect(await newestSegment(series())).toEqual({ number: 10, sizeBytes: 10 });
  });

  it('are none when the directory does not exist', async () => {
    expect(await listSegments({ ...series(), dir: join(dir, 'later') })).toEqual([]);
  });

  it('are never files with a name that we would not give', () => {
    const foreign = [
      'web.stdout.01',
      'web.stdout.',
      'web.stdout.1a',
      'web.stdout.-1',
      'web.stdout2.1',
    ];
    expect(segmentNumbers([...foreign, 'xweb.stdout.1', 'web.stdout.7'], series())).toEqual([7]);
  });

  it('of a task whose name begins with the name of another stay its own', () => {
    const names = ['web.stdout.0', 'web.stdout.stdout.1'];
    expect(segmentNumbers(names, series('web'))).toEqual([0]);
    expect(segmentNumbers(names, series('web.stdout'))).toEqual([1]);
  });

  it('are never directories or links', async () => {
    mkdirSync(join(dir, 'web.stdout.3'));
    symlinkSync('/etc/passwd', join(dir, 'web.stdout.4'));
    expect(await listSegments(series())).toEqual([]);
  });
});
