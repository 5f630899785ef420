import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSpecFile } from '../../src/cli/read-spec-file.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';
import type { HoldfastError } from '../../src/errors.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-spec-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

/** Code and message of the refusal, the directory left out. */
async function refusal(path: string): Promise<string> {
  const error = await readSpecFile(path).then(
    ({ value, source }) => {
      try {
        validateGroup(value, { source });
      } catch (mistake) {
        return mistake as HoldfastError;
      }
      return undefined;
    },
    (mistake: unknown) => mistake as HoldfastError,
  );
  return `${error?.code} ${error?.message.replaceAll(`${dir}/`, '')}`;
}

const GROUP = 'name: web\ntasks:\n  - name: api\n    driver: raw_exec\n';

describe('a group file', () => {
  it('is YAML 1.2, where no is a word', async () => {
    const { value } = await readSpecFile(file('a.yaml', `${GROUP}meta: { a: no, b: 0o7 }\n`));
    expect(value).toMatchObject({ name: 'web', meta: { a: 'no', b: 7 } });
  });

  it('is JSON as well, indented by tabs or not, with a byte order mark or not', async () => {
    const json = JSON.stringify({ name: 'web', tasks: [] }, null, '\t');
    expect((await readSpecFile(file('a.json', `\uFEFF${json}`))).value).toMatchObject({
      name: 'web',
    });
  });

  it('that is missing is not found', async () => {
    expect(await refusal(join(dir, 'no.yaml'))).toBe('NOT_FOUND no.yaml: there is no such file');
  });

  it('cannot be a directory', async () => {
    mkdirSync(join(dir, 'sub.yaml'));
    expect(await refusal(join(dir, 'sub.yaml'))).toBe(
      'SPEC_INVALID sub.yaml is a directory, not a file',
    );
  });
});

describe('a mistake in a group file is one line', () => {
  const cases: readonly (readonly [string, string, string | Uint8Array, string])[] = [
    ['nothing in it', 'empty.yaml', ' \n', 'empty.yaml is empty: a group needs a name and tasks'],
    ['only comments', 'note.yaml', '# x\n', 'note.yaml is empty: a group needs a name and tasks'],
    ['no text', 'bin.yaml', new Uint8Array([0xff, 0xfe]), 'bin.yaml is not text in UTF-8'],
    [
      'too much of it',
      'large.yaml',
      `a: "${'x'.repeat(1 << 20)}"`,
      'large.yaml is larger than 1 MiB: no group is',
    ],
    [
      'a second document',
      'two.yaml',
      `${GROUP}---\n${GROUP}`,
      'two.yaml:5:1  begins a second document: a file holds one group',
    ],
    [
      'a key twice',
      'twice.yaml',
      `${GROUP}name: db\n`,
      'twice.yaml:5:1  repeats a key of the same map',
    ],
    [
      'a key twice in JSON',
      'twice.json',
      '{"name": "a",\n "name": "b"}',
      'twice.json:2:2  repeats a key of the same map',
    ],
    [
      'a tab as indentation',
      'tab.yaml',
      'name: web\ntasks:\n\t- name: api\n',
      'tab.yaml:3:1  is not YAML: tabs are not allowed as indentation',
    ],
    [
      'a number as a duration, in its place',
      'number.yaml',
      `${GROUP}    killTimeout: 90\n`,
      'number.yaml:5:18  tasks[0].killTimeout must be a duration with a unit, such as "30s" or "3m", not the number 90',
    ],
    [
      'an unknown key, at the key',
      'key.yaml',
      `${GROUP}    kill_timout: 90s\n`,
      'key.yaml:5:5  tasks[0].kill_timout is not a known key. Did you mean killTimeout?',
    ],
    [
      'a missing key, at the map that lacks it',
      'lacks.yaml',
      'name: web\ntasks:\n  - name: api\n',
      'lacks.yaml:3:5  tasks[0].driver is missing',
    ],
    [
      'a value with an anchor, behind it',
      'anchor.yaml',
      `${GROUP}    restart: { attempts: &n 1.5 }\n`,
      'anchor.yaml:5:29  tasks[0].restart.attempts must be a whole number, not the number 1.5',
    ],
  ];
  it.each(cases)('%s', async (_title, name, content, line) => {
    expect(await refusal(file(name, content))).toBe(`SPEC_INVALID ${line}`);
  });

  it('for bad YAML and for bad JSON names line and column', async () => {
    expect(await refusal(file('bad.yaml', 'name: [web\n'))).toMatch(
      /^SPEC_INVALID bad\.yaml:\d+:\d+ {2}is not YAML: .+$/,
    );
    expect(await refusal(file('bad.json', '{"name": }}'))).toBe(
      "SPEC_INVALID bad.json:1:11  is not JSON: unexpected token '}'",
    );
    expect(await refusal(file('open.json', '{"name": "web",\n "tasks": [1, 2}'))).toMatch(
      /^SPEC_INVALID open\.json:2:16 {2}is not JSON: expected [^\n]+$/,
    );
  });

  it('for an alias bomb too', async () => {
    const rows = Array.from(
      { length: 9 },
      (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}]`,
    );
    const bomb = `a0: &a0 [x]\n${rows.join('\n')}\n`;
    expect(await refusal(file('bomb.yaml', bomb))).toMatch(
      /^SPEC_INVALID bomb\.yaml cannot be used/,
    );
  });
});
