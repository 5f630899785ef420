/** The hook that fetches secrets: what it gives, what it leaves on disk, and what it refuses. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import type { HookDoors, HookRequest } from '../../src/hooks/hook.ts';
import { HookRegistry } from '../../src/hooks/registry.ts';
import { secretsHook } from '../../src/hooks/secrets.ts';
import type { SecretRules } from '../../src/hooks/secrets/rules.ts';
import type { SecretSpec } from '../../src/spec/secret-spec.ts';
import { taskSpec } from '../machines/stories.ts';

const CANARY = 'canary-77';
const SH = (script: string, timeoutMs = 5_000): SecretSpec => ({
  name: 's',
  provider: 'exec',
  command: ['/bin/sh', '-c', script],
  timeoutMs,
});

function setUp(rules: Partial<SecretRules>, env: Record<string, string> = {}) {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'hf-secrets-')));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const task = join(dir, 'task');
  mkdirSync(join(task, 'secrets'), { recursive: true });
  const hook = secretsHook({ fileRoots: [join(dir, 'open')], ...rules }, undefined, env);
  mkdirSync(join(dir, 'open'));
  const { signal } = new AbortController();
  const known = new Map<string, string>();
  const doors = {
    signal,
    drivers: { ownerOf: async () => undefined },
    secret: (name: string) => known.get(name),
    hashOf: (name: string, text: string) => `${name}:${text.length}`,
    renew: async () => undefined,
  } as unknown as HookDoors;
  const requestFor = (secrets: readonly SecretSpec[]): HookRequest =>
    ({ task: taskSpec({ secrets }), dirs: { task }, previous: {} }) as unknown as HookRequest;
  return {
    dir,
    task,
    known,
    fetch: async (...secrets: SecretSpec[]) =>
      (await hook.prestart?.(requestFor(secrets), doors))?.secrets,
    start: async (...secrets: SecretSpec[]) =>
      (await hook.start?.(requestFor(secrets), doors))?.secrets,
    cleanUp: (...secrets: SecretSpec[]) => hook.cleanup?.(requestFor(secrets), doors),
    async why(...secrets: SecretSpec[]): Promise<string> {
      try {
        await hook.prestart?.(requestFor(secrets), doors);
      } catch (error) {
        const { code, message, retryable } = HoldfastError.from(error);
        return `${code}${retryable ? ' (again)' : ''}: ${message}`;
      }
      return 'fine';
    },
  };
}

describe('the hook secrets', () => {
  it('is in the plan of who asks for one, after the directories and before artifacts', () => {
    const secrets: SecretSpec[] = [{ name: 'a', provider: 'env', key: 'A' }];
    const artifacts = [{ source: '/x', destination: 'local', mode: 'any' }] as const;
    const plan = new HookRegistry([]).planFor(taskSpec({ secrets, artifacts }));
    expect(plan).toEqual(['validate', 'task-dir', 'secrets', 'artifacts', 'logmon']);
    expect(new HookRegistry([]).planFor(taskSpec({}))).not.toContain('secrets');
  });

  it('gives what a variable, a file and a program have, without the end of the line', async () => {
    const rig = setUp({ env: ['APP_*'], commands: ['/bin/sh'] }, { APP_KEY: `${CANARY}\n` });
    const path = join(rig.dir, 'open', 'a');
    writeFileSync(path, `${CANARY}\n\n`);
    const secrets = await rig.fetch(
      { name: 'one', provider: 'env', key: 'APP_KEY', env: 'ONE' },
      { name: 'two', provider: 'file', path, file: 'deep/two' },
      { ...SH(`printf '${CANARY}\\r\\n'`), name: 'three' },
    );
    expect(secrets).toEqual([
      { name: 'one', value: `${CANARY}\n`, env: 'ONE' },
      { name: 'two', value: `${CANARY}\n` },
      { name: 'three', value: CANARY },
    ]);
    const placed = join(rig.task, 'secrets', 'deep', 'two');
    expect(readFileSync(placed, 'utf8')).toBe(`${CANARY}\n`);
    expect(statSync(placed).mode & 0o777).toBe(0o400);
  });

  it('writes its files anew each time and takes them away at the end, more than once', async () => {
    const rig = setUp({ env: ['*'] }, { A: CANARY });
    const one: SecretSpec = { name: 'a', provider: 'env', key: 'A', file: 'a' };
    await rig.fetch(one);
    await rig.fetch(one);
    expect(readFileSync(join(rig.task, 'secrets', 'a'), 'utf8')).toBe(CANARY);
    await rig.cleanUp(one);
    await rig.cleanUp(one);
    expect(statSync(join(rig.task, 'secrets', 'a'), { throwIfNoEntry: false })).toBeUndefined();
    rmSync(rig.task, { recursive: true });
    await rig.cleanUp(one);
  });

  it('follows no link that the task has made', async () => {
    const rig = setUp({ env: ['*'] }, { A: CANARY });
    const outside = join(rig.dir, 'outside');
    mkdirSync(outside);
    rmSync(join(rig.task, 'secrets'), { recursive: true });
    symlinkSync(outside, join(rig.task, 'secrets'));
    const one: SecretSpec = { name: 'a', provider: 'env', key: 'A', file: 'a' };
    expect(await rig.why(one)).toContain('"secrets" is a file or a link');
    rmSync(join(rig.task, 'secrets'));
    mkdirSync(join(rig.task, 'secrets'));
    writeFileSync(join(outside, 'a'), 'kept');
    symlinkSync(join(outside, 'a'), join(rig.task, 'secrets', 'a'));
    await rig.fetch(one);
    expect(readFileSync(join(outside, 'a'), 'utf8')).toBe('kept');
    expect(readFileSync(join(rig.task, 'secrets', 'a'), 'utf8')).toBe(CANARY);
  });

  it('gives to tasks what the operator allows, and says which word of his is missing', async () => {
    const rig = setUp({}, { A: CANARY });
    expect(await rig.why({ name: 'a', provider: 'env', key: 'A' })).toBe(
      'CAPABILITY_MISSING: secret "a": variable A of the agent is nothing that this agent gives to tasks: its operator may allow it by secrets.env (--secret-env)',
    );
    expect(await rig.why(SH('true'))).toContain('secrets.commands (--secret-command)');
    const elsewhere = join(rig.dir, 'elsewhere');
    writeFileSync(elsewhere, CANARY);
    const path = join(rig.dir, 'open', 'link');
    symlinkSync(elsewhere, path);
    for (const one of [elsewhere, path]) {
      const why = await rig.why({ name: 'a', provider: 'file', path: one });
      expect(why).toContain('secrets.fileRoots (--secret-root)');
      expect(why).not.toContain(CANARY);
    }
  });

  const faults: readonly (readonly [SecretSpec, string, string])[] = [
    [SH(`echo ${CANARY}; echo ${CANARY} >&2; exit 3`), ' (again)', 'ended with exit code 3'],
    [SH('sleep 20', 50), ' (again)', 'took longer than 0.05 s'],
    [SH('head -c 2000000 /dev/zero'), '', 'is longer than 1 MiB'],
    [SH("printf '\\377\\376'"), '', 'is no UTF-8 text: keep it in base64'],
    [
      { name: 's', provider: 'exec', command: ['/nowhere'], timeoutMs: 9 },
      '',
      '/nowhere cannot be run: ENOENT',
    ],
    [{ name: 's', provider: 'env', key: 'NONE' }, '', 'no variable NONE'],
    [{ name: 's', provider: 'file', path: '/nowhere' }, ' (again)', 'ENOENT'],
    [{ name: 's', provider: 'file', path: '/' }, '', '/ is no file'],
    [{ name: 's', provider: 'file', path: '/dev/zero' }, '', 'is no file'],
  ];
  it.each(faults)(
    'tells of %j why it cannot be had, and nothing of it',
    async (secret, again, text) => {
      const rig = setUp({ env: ['*'], fileRoots: ['/'], commands: ['/bin/sh', '/nowhere'] });
      const why = await rig.why(secret);
      expect(why.startsWith(`HOOK_FAILED${again}: secret "s": `)).toBe(true);
      expect(why).toContain(text);
      expect(why).not.toContain(CANARY);
    },
  );

  it('fetches for a running program only what its agent does not know', async () => {
    const rig = setUp({ env: ['*'] }, { A: CANARY });
    const one: SecretSpec = { name: 'a', provider: 'env', key: 'A', file: 'a' };
    expect(await rig.start(one)).toEqual([{ name: 'a', value: CANARY }]);
    expect(statSync(join(rig.task, 'secrets', 'a'), { throwIfNoEntry: false })).toBeUndefined();
    rig.known.set('a', CANARY);
    expect(await rig.start(one)).toBeUndefined();
  });
});
