import { expect, it } from 'vitest';
import type { EnvVariable, TaskEnvView } from '../../src/api.ts';
import { envText, explainedText } from '../../src/cli/env.ts';

const NONE = { from: null, written: null, hash: null, secrets: [], overrode: [] };
const VARIABLES: readonly EnvVariable[] = [
  { ...NONE, name: 'A', value: 'two\nlines \u001b[2J', layer: 'task' },
  {
    ...NONE,
    name: 'PASS',
    value: null,
    layer: 'hook',
    from: 'secrets',
    secrets: ['db'],
    hash: 'h1',
    overrode: [
      { layer: 'task', from: null, value: 'default' },
      { layer: 'hook', from: 'old', value: null },
    ],
  },
  { ...NONE, name: 'URL', value: null, layer: 'task', secrets: ['db'], written: 'x://${PASS}' },
];
const view: TaskEnvView = {
  alloc: 'web',
  allocId: 'a1',
  task: 'api',
  run: 1,
  variables: VARIABLES,
  problems: [],
  position: 7,
};

it('shows one line a variable, and of a secret its name and hash only', () => {
  expect(envText(view)).toBe(
    'NAME  VALUE\n' +
      'A     two\\nlines \\x1b[2J\n' +
      'PASS  (secret db, h1)\n' +
      'URL   (secret db)\n',
  );
});

it('explains where each comes from, how it was written and what it overrides', () => {
  expect(explainedText(view)).toBe(
    'NAME  VALUE               FROM          WRITTEN      OVERRIDES\n' +
      'A     two\\nlines \\x1b[2J  task          -            -\n' +
      'PASS  (secret db, h1)     hook secrets  -            task: default; hook old: (secret)\n' +
      'URL   (secret db)         task          x://${PASS}  -\n',
  );
});
