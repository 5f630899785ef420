import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findCommand } from '../../src/drivers/find-command.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-find-'));
  mkdirSync(join(dir, 'local/bin'), { recursive: true });
  for (const name of ['tool', 'local/bin/tool', 'local/bin/own']) {
    writeFileSync(join(dir, name), '#!/bin/sh\n', { mode: 0o755 });
  }
});
afterAll(() => rmSync(dir, { recursive: true }));

function found(command: string): string {
  try {
    return findCommand({ command, taskDir: dir, path: '/usr/bin:relative' }).replace(dir, '');
  } catch (error) {
    return (error as Error).message.replaceAll(dir, '');
  }
}

it.each([
  ['./tool', '/tool'],
  ['./own', '/local/bin/own'],
  ['tool', '/local/bin/tool'],
  ['env', '/usr/bin/env'],
])('a program of a task is found: %s is %s', (command, path) => {
  expect(found(command)).toBe(path);
});

it('what is not found is said with every place where it was looked for', () => {
  expect(found('./nope')).toBe(
    'command "./nope" was not found: there is no /nope or /local/bin/nope or /bin/nope ' +
      "(it is relative to the task's directory, not to workDir)",
  );
  expect(found('nope')).toContain('was not found in the task directory or on PATH /usr/bin');
  expect(found('/no/such')).toBe('command "/no/such" was not found');
});
