/** The examples are promises: they run as they stand, and the README shows them as they are. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { validateGroup } from '../src/spec/validate-spec.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const examples = join(root, 'examples');
const groups = readdirSync(examples).filter((name) => name.endsWith('.yaml'));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-examples-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the embedding example', () => {
  it('runs a task, sees its events in order and prints its output', async () => {
    // Its data directory is a relative one.
    const { stdout } = await run(process.execPath, [join(examples, 'embed.ts')], { cwd: dir });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.at(-1)).toBe('hello, world');
    const positions = lines.slice(0, -1).map((line) => Number(line.split(' ')[0]));
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    const types = lines.slice(0, -1).map((line) => line.split(' ')[2]);
    expect(types).toContain('TaskExited');
    expect(types.at(-1)).toBe('AllocStopped');
  });

  it('leaves no process behind', async () => {
    const { stdout } = await run('ps', ['-eo', 'args']);
    expect(stdout).not.toContain(dir);
  });

  it('is the one in the README', () => {
    const program = readFileSync(join(examples, 'embed.ts'), 'utf8')
      .split('\n')
      .slice(1)
      .join('\n')
      .replace("'../src/index.ts'", "'holdfast'");
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(`\`\`\`ts\n${program}\`\`\``);
  });
});

it.each(groups)('%s is a valid group', (name) => {
  const text = readFileSync(join(examples, name), 'utf8');
  expect(validateGroup(parse(text)).name).toBe(name.replace('.yaml', ''));
});

it('the demo is so', async () => {
  const { stdout } = await run(process.execPath, [join(examples, 'demo.ts')], { cwd: dir });
  expect(stdout).toContain('Everything was so.');
  expect(stdout).not.toContain('NOT SO');
});
