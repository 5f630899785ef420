import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { leadsOut } from '../../../src/hooks/artifacts/entry-path.ts';
import { tries } from '../../properties/tries.ts';

const step = fc.constantFrom('a', 'b', 'c', '..', '..', '.');
const target = fc.array(step, { minLength: 1, maxLength: 6 }).map((steps) => steps.join('/'));
const place = fc.constantFrom('a', 'b', 'c', 'd/a', 'd/b', 'd/e/a', 'd/e/b');
const tree = fc.uniqueArray(fc.tuple(place, target), {
  selector: ([path]) => path,
  minLength: 1,
  maxLength: 6,
});

const DIRS = ['a', 'b', 'c', 'd/e'].flatMap((one) => ['a', 'b', 'c'].map((two) => join(one, two)));

/** Above the root, too, every name that a link may take is a directory: the kernel goes wherever it can. */
function surroundings(): string {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'links-')));
  for (const above of ['x/y/z', 'x/y', 'x', '.']) {
    for (const dir of DIRS) mkdirSync(join(top, above, dir), { recursive: true });
  }
  return top;
}

/** Of each link: does it lead out of `root`, which is made for these? */
function lead(root: string, links: readonly (readonly [string, string])[]): readonly boolean[] {
  const isTaken = (dir: string): boolean =>
    links.some(([path]) => `${dir}/`.startsWith(`${path}/`));
  for (const dir of DIRS) if (!isTaken(dir)) mkdirSync(join(root, dir), { recursive: true });
  for (const [path, to] of links) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    symlinkSync(to, join(root, path));
  }
  return links.map(([path]) => {
    try {
      // The kernel's own: Node's goes round and round in some of these trees.
      return !`${realpathSync.native(join(root, path))}/`.startsWith(`${root}/`);
    } catch {
      // To nowhere, or round and round: nobody gets out by it.
      return false;
    }
  });
}

it(
  'a link of a tree that the kernel follows to the outside is refused',
  { timeout: 300_000 },
  () => {
    const top = surroundings();
    onTestFinished(() => rmSync(top, { recursive: true }));
    const root = join(top, 'x', 'y', 'z', 'root');
    let ledOut = 0;
    const property = fc.property(tree, (links) => {
      rmSync(root, { recursive: true, force: true });
      const byKernel = lead(root, links);
      const known = new Map(links);
      const missed = links.filter(([path, to], at) => byKernel[at] && !leadsOut(path, to, known));
      ledOut += byKernel.filter(Boolean).length;
      expect(missed).toEqual([]);
    });
    fc.assert(property, tries(30));
    expect(ledOut).toBeGreaterThan(0);
  },
);
