import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReadOutputOptions } from '../../src/output/reader.ts';
import { openOutput, textsOf } from './read-texts.ts';
import { WrittenOutput } from './written-output.ts';

let output: WrittenOutput;
beforeEach(() => {
  output = new WrittenOutput(mkdtempSync(join(tmpdir(), 'holdfast-output-')));
});
afterEach(() => rmSync(output.dir, { recursive: true }));

const open = (options?: Partial<ReadOutputOptions>) => openOutput(output, options);
const read = (options?: Partial<ReadOutputOptions>) => textsOf(open(options));

describe('large and hostile files', () => {
  it('a line of 64 MiB comes in pieces, and is the last line', async () => {
    const path = output.path('stdout', 0);
    writeFileSync(path, '');
    truncateSync(path, 2 ** 26);
    appendFileSync(path, '\n');
    let [bytes, most] = [0, 0];
    for await (const { data } of open({ tail: 1 })) {
      bytes += data.length;
      most = Math.max(most, data.length);
    }
    expect([bytes, most]).toEqual([2 ** 26 + 1, 65_536]);
  });

  it('the last lines of a compressed file are found behind any number of others', async () => {
    const lines = Array.from({ length: 150_000 }, (_one, at) => `${at}\n`);
    writeFileSync(`${output.path('stdout', 0)}.gz`, gzipSync(lines.join('')));
    writeFileSync(output.path('stdout', 1), 'end');
    for (const tail of [2, 140_000]) {
      const text = (await read({ tail })).join('');
      expect(text).toBe([...lines, 'end'].slice(-tail).join(''));
    }
  });

  it.each(['link', 'fifo', 'directory'])(
    'a %s is neither followed nor waited for',
    async (kind) => {
      const strange = (path: string): void => {
        if (kind === 'link') symlinkSync('/etc/passwd', path);
        else if (kind === 'fifo') execFileSync('mkfifo', [path]);
        else mkdirSync(path);
      };
      strange(output.path('stdout', 0));
      strange(`${output.path('stdout', 1)}.gz`);
      writeFileSync(output.path('stdout', 2), 'ours\n');
      strange(`${output.path('stdout', 2)}.marks`);
      strange(join(output.dir, 'web.stdout.gaps'));
      strange(output.path('stdout', 3));
      const part = { run: 1, sinceMs: 5 };
      for (const options of [{}, { tail: 5 }, part, { origin: 'end', offset: 99 }] as const) {
        expect((await read(options)).join('')).toBe('ours\n');
      }
      expect(await read({ follow: true, ended: () => true })).toEqual(['ours\n']);
    },
  );
});
