import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openOutput, textsOf } from './read-texts.ts';
import { WrittenOutput } from './written-output.ts';

let output: WrittenOutput;
beforeEach(() => {
  output = new WrittenOutput(mkdtempSync(join(tmpdir(), 'holdfast-output-')));
});
afterEach(() => rmSync(output.dir, { recursive: true }));

describe('an offset', () => {
  it.each([
    ['start', 0, 'run 1\nrun 2\nrun 3\n'],
    ['start', 8, 'n 2\nrun 3\n'],
    ['start', 99, ''],
    ['end', 0, ''],
    ['end', 1, '\n'],
    ['end', 7, '\nrun 3\n'],
    ['end', 99, 'run 1\nrun 2\nrun 3\n'],
  ] as const)('of the %s and %d bytes is counted over all files', async (origin, offset, text) => {
    for (const run of [1, 2, 3]) {
      if (run > 1) output.rotate('stdout');
      output.write('stdout', `run ${run}\n`);
    }
    output.pack('stdout', 0);
    output.pack('stdout', 1);
    expect((await textsOf(openOutput(output, { origin, offset }))).join('')).toBe(text);
  });
});
