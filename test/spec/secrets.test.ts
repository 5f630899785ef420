import { describe, expect, it } from 'vitest';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';

const resolved = (...secrets: readonly object[]) => {
  const task = { name: 'a', driver: 'mock', secrets };
  return resolveSpec(validateGroup({ name: 'g', tasks: [task] })).tasks[0];
};
const FILE = { name: 'a', provider: 'file', path: '/x' };

describe('secrets of a task', () => {
  it('become files of their names where nothing else is said of them', () => {
    expect(resolved(FILE, { name: 'b', provider: 'env', env: 'B' })?.secrets).toEqual([
      { name: 'a', provider: 'file', path: '/x', file: 'a' },
      { name: 'b', provider: 'env', key: 'b', env: 'B' },
    ]);
    const command = ['/bin/get', 'x'];
    expect(
      resolved({ name: 'c', provider: 'exec', command, env: 'C', file: 'd/c' })?.secrets,
    ).toEqual([{ name: 'c', provider: 'exec', command, timeoutMs: 30_000, env: 'C', file: 'd/c' }]);
  });

  it('say what is done when they are fetched again and are others', () => {
    const refreshed = { ...FILE, refresh: '30s', changeMode: 'signal', changeSignal: 'SIGHUP' };
    expect(resolved(refreshed)?.secrets?.[0]?.refresh).toEqual({
      everyMs: 30_000,
      change: { mode: 'signal', signal: 'SIGHUP', splayMs: 5_000 },
    });
  });

  it('leave a task without any as it was', () => {
    expect(Object.keys(resolved() ?? {})).not.toContain('secrets');
  });

  it.each([
    [[{ ...FILE, path: undefined }], 'tasks[0].secrets[0].path is missing'],
    [[{ ...FILE, path: 'x' }], 'secrets[0].path must be an absolute path without ".."'],
    [[{ ...FILE, key: 'A' }], 'secrets[0].key is nothing that the provider file knows'],
    [[{ ...FILE, file: '../a' }], 'secrets[0].file must be a path below the secrets directory'],
    [[{ ...FILE, file: '/a' }], 'secrets[0].file must be a path below the secrets directory'],
    [[{ ...FILE, name: '.a' }], 'secrets[0].name must be 1 to 128 letters'],
    [[FILE, FILE], 'secrets[1].name is that of secrets[0] too: "a"'],
    [
      [
        { ...FILE, env: 'A' },
        { ...FILE, name: 'b', env: 'A' },
      ],
      'secrets[1].env is that of secrets[0] too: "A"',
    ],
    [[{ name: 'a', provider: 'exec', command: ['ls'] }], 'must begin with an absolute path'],
    [[{ name: 'a', provider: 'vault' }], 'secrets[0].provider'],
    [[{ ...FILE, refresh: '30s' }], 'secrets[0].refresh needs changeMode: restart'],
    [[{ ...FILE, changeMode: 'noop' }], 'secrets[0].changeMode needs refresh'],
    [[{ ...FILE, splay: '1s' }], 'secrets[0].splay needs refresh'],
    [[{ ...FILE, refresh: '1ms', changeMode: 'noop' }], 'secrets[0].refresh must be 1s or more'],
    [
      [{ name: 'a', provider: 'env', refresh: '1s', changeMode: 'noop' }],
      'secrets[0].refresh is nothing that the provider env knows',
    ],
  ])('are refused as %j', (secrets, text) => {
    expect(() => resolved(...secrets)).toThrow(text);
  });
});

describe('a user of its own', () => {
  const group = (task: object) => ({ name: 'g', tasks: [{ name: 'a', driver: 'mock', ...task }] });

  it('is recorded of a task that asks for one, and of no other', () => {
    const asks = resolveSpec(validateGroup(group({ dynamic_user: true }))).tasks[0];
    expect(asks?.isDynamicUser).toBe(true);
    const says = resolveSpec(validateGroup(group({ dynamicUser: false, user: 'web' }))).tasks[0];
    expect(Object.keys(says ?? {})).not.toContain('isDynamicUser');
  });

  it('is none with a name', () => {
    expect(() => validateGroup(group({ dynamicUser: true, user: 'web' }))).toThrow(
      'tasks[0].dynamicUser says that it runs as nobody else, and user that it runs as "web"',
    );
  });
});
