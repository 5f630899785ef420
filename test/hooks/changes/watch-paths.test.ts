/** Hears of every way in which a file comes to be another one. */
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { watchPaths } from '../../../src/hooks/changes/watch-paths.ts';

async function setUp(path: (dir: string) => string, lookAgainMs?: number) {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'hf-watch-')));
  const heard: string[] = [];
  const watched = path(dir);
  const end = await watchPaths([watched], (one) => heard.push(one), lookAgainMs);
  onTestFinished(() => {
    end();
    rmSync(dir, { recursive: true, force: true });
  });
  const hears = async (): Promise<void> => {
    await vi.waitFor(() => expect(heard).not.toEqual([]), 9_000);
    expect(new Set(heard)).toEqual(new Set([watched]));
    heard.length = 0;
  };
  return { dir, hears, heard, end };
}

it('hears that a file is made, written, exchanged and removed', async () => {
  const rig = await setUp((dir) => join(dir, 'a'));
  const path = join(rig.dir, 'a');
  writeFileSync(path, '1');
  await rig.hears();
  writeFileSync(path, '2');
  await rig.hears();
  writeFileSync(`${path}.new`, '3');
  renameSync(`${path}.new`, path);
  await rig.hears();
  unlinkSync(path);
  await rig.hears();
});

it('hears that a link leads elsewhere, also one of a directory above', async () => {
  const rig = await setUp((dir) => {
    for (const name of ['one', 'two']) {
      mkdirSync(join(dir, name));
      writeFileSync(join(dir, name, 'a'), name);
    }
    symlinkSync('one', join(dir, '..data'));
    symlinkSync('..data/a', join(dir, 'a'));
    return join(dir, 'a');
  });
  symlinkSync('two', join(rig.dir, '..new'));
  renameSync(join(rig.dir, '..new'), join(rig.dir, '..data'));
  await rig.hears();
  writeFileSync(join(rig.dir, 'two', 'a'), 'other');
  await rig.hears();
});

it('looks for itself where it is told nothing', async () => {
  const rig = await setUp((dir) => join(dir, 'not', 'yet', 'a'), 50);
  mkdirSync(join(rig.dir, 'not', 'yet'), { recursive: true });
  writeFileSync(join(rig.dir, 'not', 'yet', 'a'), '1');
  await rig.hears();
});

it('says nothing of other files, and nothing any more when it is over', async () => {
  const rig = await setUp((dir) => join(dir, 'a'), 50);
  writeFileSync(join(rig.dir, 'b'), '1');
  writeFileSync(join(rig.dir, 'a'), '1');
  await rig.hears();
  rig.end();
  writeFileSync(join(rig.dir, 'a'), '2');
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(rig.heard).toEqual([]);
});
