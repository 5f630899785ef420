/** What is said to somebody whose disk is full or mounted read-only: what is the matter, where, and what to do. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import { errnoOf, messageOf } from '../../src/errors.ts';

const bin = resolve(import.meta.dirname, '../../bin/holdfast');
// Only a file system of our own can be filled without harm, and only root may mount one.
const isRoot = process.geteuid?.() === 0;

let dir: string;

beforeEach(() => {
  if (!isRoot) return;
  dir = mkdtempSync(join(tmpdir(), 'hf-words-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=755', 'tmpfs', dir]);
});
afterEach(() => {
  if (!isRoot) return;
  execFileSync('umount', ['-l', dir]);
  rmSync(dir, { recursive: true });
});

function holdfast(...args: string[]) {
  return spawnSync(bin, [...args, '--data-dir', dir], { encoding: 'utf8', timeout: 30_000 });
}
function found(check: string): Finding | undefined {
  const findings = JSON.parse(holdfast('doctor', '--json').stdout) as Finding[];
  return findings.find((one) => one.check === check);
}
/** Leaves so many bytes. */
function fill(leave: number): void {
  const path = join(dir, 'filler');
  const file = openSync(path, 'w');
  let size = 0;
  try {
    for (;;) size += writeSync(file, Buffer.alloc(4_096));
  } catch {
    closeSync(file);
  }
  truncateSync(path, size - leave);
}

describe.skipIf(!isRoot)('a disk', () => {
  it.each([0, 100 * 1_024])('that is full but for %d bytes is named with the remedy', (leave) => {
    fill(leave);
    const { status, stderr } = holdfast('agent');
    expect(stderr).toMatch(/\(\d+ KiB of 4096 KiB are free at \S+\): make room\n$/);
    expect(status).toBe(1);
    expect(found('durability') ?? found('file system')).toMatchObject({ remedy: 'make room' });
  });

  it('that is read-only is to be mounted anew', () => {
    const inside = join(dir, 'file');
    writeFileSync(inside, '');
    execFileSync('mount', ['-o', 'remount,ro', dir]);
    const { status, stderr } = holdfast('agent');
    const remedy = 'mount it read-write, or choose another directory';
    expect(stderr).toContain(`the file system of ${dir} is read-only, ${remedy}\n`);
    expect(status).toBe(8);
    expect(found('file system')?.remedy).toBe('mount it read-write');
    let error: unknown;
    try {
      rmSync(inside);
    } catch (caught) {
      error = caught;
    }
    expect([errnoOf(error), messageOf(error)]).toEqual([
      'EROFS',
      `Read-only file system '${inside}'`,
    ]);
  });
});
