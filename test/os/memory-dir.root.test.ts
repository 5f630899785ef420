/** Needs root: only root may mount. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { removeAllocFiles } from '../../src/actors/alloc-files.ts';
import { layoutOf, taskDirsOf } from '../../src/layout.ts';
import { mountMemory, unmountMemory, whyNoMemoryDirs } from '../../src/os/memory-dir.ts';
import { readMountTable } from '../../src/os/mount-table.ts';

const why = whyNoMemoryDirs();

function place(): string {
  const dir = mkdtempSync(join(tmpdir(), 'hf-memory-'));
  onTestFinished(() => {
    unmountMemory(join(dir, 'secrets'));
    rmSync(dir, { recursive: true });
  });
  mkdirSync(join(dir, 'secrets'));
  return dir;
}

const mountsOn = (path: string): number =>
  readMountTable().filter(({ point }) => point === path).length;

describe.skipIf(why !== undefined)(`a directory in memory (${why ?? 'can be had here'})`, () => {
  it('is one however often it is asked for, and none with nothing left after it', () => {
    const path = join(place(), 'secrets');
    mountMemory(path, 1_048_576);
    writeFileSync(join(path, 'a'), 'x');
    mountMemory(path, 1_048_576);
    expect(mountsOn(path)).toBe(1);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(() => writeFileSync(join(path, 'b'), Buffer.alloc(2_000_000))).toThrow('ENOSPC');
    unmountMemory(path);
    unmountMemory(path);
    expect(mountsOn(path)).toBe(0);
    expect(existsSync(join(path, 'a'))).toBe(false);
  });

  it('that is left over goes with the files of its alloc', async () => {
    const dir = place();
    const layout = layoutOf(dir);
    const path = taskDirsOf(layout, 'a1', 'web').secrets;
    mkdirSync(path, { recursive: true });
    mountMemory(path, 1_048_576);
    await removeAllocFiles(layout, 'a1');
    await removeAllocFiles(layout, 'a1');
    expect(mountsOn(path)).toBe(0);
    expect(existsSync(join(dir, 'allocs', 'a1'))).toBe(false);
  });

  it('is not made, and none is ended, through a link', () => {
    const dir = place();
    const path = join(dir, 'secrets');
    mountMemory(path, 1_048_576);
    const link = join(dir, 'link');
    symlinkSync(path, link);
    expect(() => mountMemory(link, 1_048_576)).toThrow();
    unmountMemory(link);
    expect(mountsOn(path)).toBe(1);
    unmountMemory(join(dir, 'nowhere'));
  });
});
