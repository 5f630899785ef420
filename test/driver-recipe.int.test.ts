/** The recipe of a driver is one: its files are taken out, and its test passes with what the package exports. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { driverContract } from '../src/testing/index.ts';

const root = resolve(import.meta.dirname, '..');

/** Where the source of an entry of the package is. */
function sourceOf(entry: string): string {
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  const { exports } = JSON.parse(text) as { exports: Record<string, { default: string }> };
  const built = exports[`./${entry}`]?.default ?? `no entry ${entry}`;
  return join(root, built.replace('./dist/', 'src/').replace(/\.js$/, '.ts'));
}

it('what docs/recipes/new-driver.md shows passes the contract', { timeout: 120_000 }, async () => {
  const recipe = readFileSync(join(root, 'docs/recipes/new-driver.md'), 'utf8');
  const dir = mkdtempSync(join(tmpdir(), 'hf-recipe-'));
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  const shown = [...recipe.matchAll(/^```ts file=(\S+)\n(.*?)^```$/gms)];
  for (const [, name = '', code = ''] of shown) {
    const local = code.replaceAll(/'holdfast\/(\w+)'/g, (_all, entry: string) =>
      JSON.stringify(sourceOf(entry)),
    );
    writeFileSync(join(dir, name), local);
  }
  const test = join(dir, 'script.test.ts');
  const args = ['--test', '--test-reporter=tap', test];
  // Node tells a test that it is run by another, and it would report to that one.
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const output = await new Promise<string>((done) => {
    execFile(process.execPath, args, { env, timeout: 100_000 }, (_error, stdout) => done(stdout));
  });
  const count = (what: string): number =>
    Number(RegExp(`^# ${what} (\\d+)$`, 'm').exec(output)?.[1]);
  expect(count('fail'), output).toBe(0);
  expect(count('tests')).toBe(driverContract.length);
  expect(count('pass')).toBeGreaterThan(driverContract.length - 3);
  rmSync(dir, { recursive: true });
});
