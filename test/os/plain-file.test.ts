import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceFile } from '../../src/os/atomic-file.ts';
import { readPlainFile } from '../../src/os/plain-file.ts';
import { readExit, tryAbort } from '../../src/os/run-directory.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-plain-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('reading a file that may be anything', () => {
  it('gives the text of a file and of a link to one', () => {
    writeFileSync(join(dir, 'file'), 'text');
    symlinkSync('file', join(dir, 'link'));
    for (const name of ['file', 'link']) {
      expect(readPlainFile(join(dir, name))).toMatchObject({ is: 'text', text: 'text' });
    }
  });

  it('tells nothing from something odd, and never waits', () => {
    symlinkSync('/nonexistent/file', join(dir, 'dangling'));
    symlinkSync('ring', join(dir, 'ring'));
    execFileSync('mkfifo', [join(dir, 'fifo')]);
    const seen = ['missing', 'dangling', 'ring', 'fifo', '.'].map(
      (name) => readPlainFile(join(dir, name)).is,
    );
    expect(seen).toEqual(['absent', 'odd', 'odd', 'odd', 'odd']);
  });

  it('makes a broken exit record of a FIFO in its place', () => {
    execFileSync('mkfifo', [join(dir, 'exit')]);
    expect(readExit(dir)).toEqual({ is: 'broken' });
  });
});

describe('aborting a start', () => {
  it('takes the place of a link to nothing, which no shim can win either', () => {
    symlinkSync('/nonexistent/file', join(dir, 'fate'));
    expect(tryAbort(dir, 'agent')).toBe(true);
    expect(readFileSync(join(dir, 'fate'), 'utf8')).toBe('abort agent\n');
  });
});

describe('replacing a file', () => {
  it('moves a directory in its place aside', () => {
    mkdirSync(join(dir, 'file', 'within'), { recursive: true });
    replaceFile(join(dir, 'file'), 'text', { durable: true });
    expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('text');
    const [aside = ''] = readdirSync(dir).filter((name) => name.endsWith('.aside'));
    expect(readdirSync(join(dir, aside))).toEqual(['within']);
  });

  it('lets a run be aborted whose fate is a directory', () => {
    mkdirSync(join(dir, 'fate'));
    expect(tryAbort(dir, 'a test')).toBe(true);
    expect(tryAbort(dir, 'another')).toBe(true);
  });
});
