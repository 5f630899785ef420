/** Tokens that have a name, from the command line. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Tokens } from '../../src/http/tokens.ts';
import { Machine } from '../acceptance/rig.ts';

let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.scrap());

it('are made, listed without themselves, and revoked', async () => {
  const early = machine.holdfast('token', 'create', '--name', 'ci', '--scope', 'read');
  expect([early.status, early.stdout]).toEqual([3, '']);
  await machine.startAgent();
  const made = machine.holdfast(
    'token',
    'create',
    '--name',
    'ci',
    '--scope',
    'read',
    '--scope',
    'logs',
  );
  expect(made.status).toBe(0);
  const token = made.stdout.trim();
  const state = join(machine.dataDir, 'state');
  const caller = { name: 'ci', scopes: ['read', 'logs'] };
  expect(new Tokens(state).callerOf(token)).toEqual(caller);
  const list = machine.holdfast('token', 'list', '--json');
  expect(JSON.parse(list.stdout)).toEqual([{ ...caller, createdAt: expect.any(String) as never }]);
  expect(readFileSync(join(state, 'http-tokens.json'), 'utf8')).not.toContain(token);
  expect(machine.holdfast('token', 'create', '--name', 'ci', '--scope', 'read').status).toBe(4);
  expect(machine.holdfast('token', 'create', '--name', 'x', '--scope', 'all').status).toBe(2);
  expect(machine.holdfast('token', 'revoke', 'ci').status).toBe(0);
  expect(new Tokens(state).callerOf(token)).toBe(undefined);
});
