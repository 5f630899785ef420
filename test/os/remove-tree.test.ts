/** What a task leaves behind is removed, whatever it is. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { removeTree } from '../../src/os/remove-tree.ts';
import { freshDir } from '../log/fresh-dir.ts';

/** Directories in one another, made step by step, as any program can: their path is longer than the kernel takes. */
function nest(dir: string, depth: number): void {
  const text = `for (let i = ${depth}; i > 0; i -= 1) {
    fs.mkdirSync('abcdefghijklmnopqrst');
    process.chdir('abcdefghijklmnopqrst');
  }`;
  execFileSync(process.execPath, ['-e', text], { cwd: dir });
}

it('directories deeper than a path can say go, and all that lies beside them', async () => {
  const dir = freshDir();
  const tree = join(dir, 'tree');
  mkdirSync(join(tree, 'beside'), { recursive: true });
  writeFileSync(join(tree, 'beside', 'file'), '');
  nest(tree, 1500);
  await removeTree(tree);
  expect(readdirSync(dir)).toEqual([]);
});

it('no link in it leads anywhere, and names that are no text go too', async () => {
  const dir = freshDir();
  const tree = join(dir, 'tree');
  mkdirSync(tree);
  mkdirSync(join(dir, 'kept'));
  writeFileSync(join(dir, 'kept', 'file'), '');
  nest(tree, 300);
  symlinkSync(join(dir, 'kept'), join(tree, 'link'));
  mkdirSync(Buffer.from(`${tree}/\xff`, 'latin1'));
  await removeTree(tree);
  expect(readdirSync(dir)).toEqual(['kept']);
  expect(readdirSync(join(dir, 'kept'))).toEqual(['file']);
});

it('a directory that its owner closed goes, and one that is missing is no mistake', async () => {
  const tree = join(freshDir(), 'tree');
  mkdirSync(join(tree, 'closed', 'inner'), { recursive: true });
  chmodSync(join(tree, 'closed', 'inner'), 0);
  chmodSync(join(tree, 'closed'), 0o500);
  await removeTree(tree);
  expect(existsSync(tree)).toBe(false);
  await removeTree(tree);
});

it('what somebody else removes meanwhile is no mistake', async () => {
  const dir = freshDir();
  const tree = join(dir, 'tree');
  mkdirSync(tree);
  nest(tree, 220);
  await Promise.all([removeTree(tree), removeTree(tree)]);
  expect(readdirSync(dir)).toEqual([]);
});
