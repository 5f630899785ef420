import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fits, readProgramFile } from '../../src/os/program-file.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-program-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function kindOf(bytes: Buffer | string): unknown {
  const path = join(dir, 'file');
  writeFileSync(path, bytes);
  const found = readProgramFile(path);
  return found.is === 'neither' ? found.why : found;
}

/** The beginning of a real program, with one byte changed. */
function elf(at?: number, byte = 0): Buffer {
  const bytes = Buffer.from(readFileSync(process.execPath).subarray(0, 4096));
  if (at !== undefined) bytes[at] = byte;
  return bytes;
}

it('a real program is one, and so is what cannot be looked at', () => {
  expect(readProgramFile(process.execPath)).toEqual({ is: 'program' });
  expect(readProgramFile(join(dir, 'nothing'))).toEqual({ is: 'program' });
  expect(kindOf(elf())).toEqual({ is: 'program' });
});

it.each([
  ['#!/bin/sh', '/bin/sh'],
  ['#! \t/bin/sh -e x\necho', '/bin/sh'],
  ['#!/bin/sh\r\n', '/bin/sh\r'],
])('%j is a script of %j', (text, interpreter) => {
  expect(kindOf(text)).toEqual({ is: 'script', interpreter });
});

it.each([
  ['nothing', '', 'is empty: exec format error'],
  ['#! without a name', '#! \n/bin/sh', 'does not say what interprets it'],
  ['text', 'echo hello\n', '(begin it with #!/bin/sh): exec format error'],
  ['bytes', Buffer.from([0, 1, 2]), 'is neither a program nor a script'],
  ['a header that is cut off', elf().subarray(0, 63), 'is a damaged program'],
  ['a table that is cut off', elf().subarray(0, 100), 'is a damaged program'],
  ['a header without a table', elf(56), 'is a damaged program'],
  ['an object file', elf(16, 1), 'is no program'],
  ['another machine', elf(18, 8), 'is a program for mips, which this machine does not run'],
  ['another order of bytes', elf(5, 2), 'which this machine does not run'],
])('%s is refused as the kernel does', (_what, bytes, why) => {
  expect(kindOf(bytes)).toContain(why);
});

it('what somebody taught the kernel is left to the kernel', () => {
  const head = Buffer.from('00ff7f454c46', 'hex');
  const magic = (mask: string): string =>
    `enabled\ninterpreter /usr/bin/qemu\nflags: F\noffset 2\nmagic 7f454c00\nmask ${mask}\n`;
  expect(fits(magic('ffffff00'), '/x', head)).toBe(true);
  expect(fits(magic('ffffffff'), '/x', head)).toBe(false);
  expect(fits(magic('ffffff00').replace('enabled', 'disabled'), '/x', head)).toBe(false);
  const extension = 'enabled\ninterpreter /usr/bin/wine\nflags: \nextension .exe\n';
  expect(fits(extension, '/a.exe', head)).toBe(true);
  expect(fits(extension, '/exe', head)).toBe(false);
});
