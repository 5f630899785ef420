/** The hook that fills in templates: what it writes, what it gives, and what no template can do. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { HookDoors, HookRequest, PrestartResult } from '../../src/hooks/hook.ts';
import { HookRegistry } from '../../src/hooks/registry.ts';
import { envLines } from '../../src/hooks/templates/env-lines.ts';
import { ChangeActs } from '../../src/hooks/changes/change-acts.ts';
import type { TemplateRules } from '../../src/hooks/templates/rules.ts';
import { templatesHook } from '../../src/hooks/templates.ts';
import type { TemplateSpec } from '../../src/spec/template-spec.ts';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';
import { taskSpec } from '../machines/stories.ts';

const CANARY = 'canary-31';
const template = (some: Partial<TemplateSpec>): TemplateSpec => ({
  ...(some.source === undefined && { data: '' }),
  destination: 'local/out',
  perms: '0600',
  env: false,
  errorOnMissingKey: true,
  ...some,
});

function setUp(rules: Partial<TemplateRules> = {}, value = CANARY) {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'hf-templates-')));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const task = join(dir, 'task');
  mkdirSync(join(task, 'local'), { recursive: true });
  const { signal } = new AbortController();
  const said: string[] = [];
  const previous: Record<string, string> = {};
  const hook = templatesHook(rules, new ChangeActs());
  const doors = {
    signal,
    drivers: { ownerOf: async () => undefined },
    found: () => ({ env: { PORT: '80', GREETING: 'a "b"' }, unknown: [] }),
    hashOf: (name: string, text: string) => `${name}:${text.length}`,
    message: (text: string) => void said.push(text),
    secret: (name: string) => (name === 'api' ? value : undefined),
  } as unknown as HookDoors;
  const secrets = [{ name: 'api', provider: 'env', key: 'A' }] as const;
  return {
    dir,
    task,
    said,
    previous,
    async render(...all: Partial<TemplateSpec>[]): Promise<PrestartResult | void> {
      const spec = taskSpec({ secrets, templates: all.map(template) });
      const request = { task: spec, dirs: { task }, previous } as unknown as HookRequest;
      return hook.prestart?.(request, doors);
    },
    out: (path = 'local/out') => readFileSync(join(task, path), 'utf8'),
  };
}

describe('the hook templates', () => {
  it('is in the plan of who has one, after all that may give something to it', () => {
    const plan = new HookRegistry([]).planFor(taskSpec({ templates: [template({})] }));
    expect(plan).toEqual(['validate', 'task-dir', 'templates', 'logmon']);
  });

  it('fills in variables and secrets, by name and by filter', async () => {
    const rig = setUp();
    const data =
      '{{ env.PORT }} {{ "PORT" | env }} {{ secret.api }} {{ "api" | secret | base64 }} {{ env.GREETING | json }}';
    await rig.render({ data, perms: '0640', destination: 'secrets/deep/app.conf' });
    const coded = Buffer.from(CANARY).toString('base64');
    expect(rig.out('secrets/deep/app.conf')).toBe(`80 80 ${CANARY} ${coded} "a \\"b\\""`);
    expect(statSync(join(rig.task, 'secrets/deep/app.conf')).mode & 0o777).toBe(0o640);
    await rig.render({ data: 'anew', destination: 'secrets/deep/app.conf' });
    expect(rig.out('secrets/deep/app.conf')).toBe('anew');
  });

  it('takes the template from a file of the task, and through no link', async () => {
    const rig = setUp();
    writeFileSync(join(rig.task, 'local', 't'), '<{{ env.PORT }}>');
    await rig.render({ source: 'local/t' });
    expect(rig.out()).toBe('<80>');
    writeFileSync(join(rig.dir, 'of-the-machine'), CANARY);
    symlinkSync(join(rig.dir, 'of-the-machine'), join(rig.task, 'local', 'link'));
    await expect(rig.render({ source: 'local/link' })).rejects.toThrow('cannot read local/link');
    symlinkSync(rig.dir, join(rig.task, 'out'));
    await expect(rig.render({ destination: 'out/x' })).rejects.toThrow('is a file or a link');
    await expect(rig.render({ source: 'local' })).rejects.toThrow('local is no file');
  });

  it('gives the lines of a file as variables, all of them secrets', async () => {
    const rig = setUp();
    const given = await rig.render({}, { data: 'A={{ secret.api }}\n', env: true });
    expect(given).toMatchObject({ secrets: [{ name: 'template.1.A', value: CANARY, env: 'A' }] });
    await expect(rig.render({ data: `A=b\n${CANARY}\n`, env: true })).rejects.toThrow(
      'templates[0] (local/out): line 2 is not NAME=value',
    );
  });

  it('lets no value make a variable of its own, unless that is what is meant', async () => {
    const value = 'one\nLD_PRELOAD=/tmp/x.so\ttwo"';
    const rig = setUp({}, value);
    const given = (data: string) => rig.render({}, { data, env: true });
    const text =
      'templates[1] (local/out): a value of several lines would become several variables';
    await expect(given('A={{ secret.api }}')).rejects.toThrow(text);
    await expect(given('A="{{ "api" | secret }}"')).rejects.toThrow(text);
    await expect(given('A={{ secret.api }}')).rejects.not.toThrow('LD_PRELOAD');
    const one = await given('A={{ secret.api | json }}');
    expect(one).toMatchObject({ secrets: [{ env: 'A', value }] });
    expect((await given('A={{ secret.api | raw }}'))?.secrets).toHaveLength(2);
  });

  it.each([
    ['{{ env.NONE }}', 'undefined variable: env.NONE'],
    ['{{ "NONE" | env }}', 'env "NONE" is not known'],
    ['{{ secret.none }}', 'undefined variable: secret.none'],
    ['{{ env.constructor }}', 'undefined variable'],
    ['{{ "toString" | secret }}', 'secret "toString" is not known'],
    ['{{ 1 | nothing }}', 'undefined filter: nothing'],
    ['{% include "/etc/passwd" %}', 'ENOENT'],
    ['{% render "../../etc/passwd" %}', 'ENOENT'],
    ['{% for i in (1..1000000000) %}x{% endfor %}', 'limit exceeded'],
    ['{% for a in (1..9999) %}{% for b in (1..9999) %}{% endfor %}{% endfor %}', 'limit exceeded'],
    ['{{ env', 'not closed'],
  ])('refuses %j', async (data, text) => {
    const rig = setUp();
    const error = await rig.render({ data }).then(
      () => 'fine',
      (thrown: Error) => thrown.message,
    );
    expect(error).toContain('templates[0] (local/out): ');
    expect(error).toContain(text);
    expect(error).not.toContain(CANARY);
  });

  it('leaves empty what is not known where that is allowed', async () => {
    const rig = setUp();
    await rig.render({ data: '<{{ env.NONE }}{{ "x" | secret }}>', errorOnMissingKey: false });
    expect(rig.out()).toBe('<>');
  });
});

describe('what a template asks for beside names', () => {
  it('is files below what the operator opened, and below the task without links', async () => {
    const opened = realpathSync(mkdtempSync(join(tmpdir(), 'hf-opened-')));
    onTestFinished(() => rmSync(opened, { recursive: true, force: true }));
    const rig = setUp({ fileRoots: [opened] });
    writeFileSync(join(opened, 'a'), 'A\n');
    writeFileSync(join(rig.task, 'local', 'b'), 'B');
    await rig.render({ data: `{{ "${opened}/a" | file }}{{ "local/b" | file }}` });
    expect(rig.out()).toBe('A\nB');
    writeFileSync(join(rig.dir, 'closed'), CANARY);
    symlinkSync(join(rig.dir, 'closed'), join(opened, 'link'));
    symlinkSync(join(rig.dir, 'closed'), join(rig.task, 'local', 'link'));
    for (const path of ['/etc/hostname', '/nowhere/at/all', `${opened}/link`, `${opened}/../x`]) {
      await expect(rig.render({ data: `{{ "${path}" | file }}` })).rejects.toThrow(
        '--template-root',
      );
    }
    for (const path of ['local/link', '../x', 'local/../x', 'local']) {
      await expect(rig.render({ data: `{{ "${path}" | file }}` })).rejects.toThrow(path);
    }
  });

  it('is keys, which are files of a directory, and keys that keys name', async () => {
    const keys = realpathSync(mkdtempSync(join(tmpdir(), 'hf-keys-')));
    onTestFinished(() => rmSync(keys, { recursive: true, force: true }));
    const rig = setUp({ keys });
    mkdirSync(join(keys, 'db'));
    writeFileSync(join(keys, 'db', 'which'), 'db/host\n');
    writeFileSync(join(keys, 'db', 'host'), 'h1\n');
    const data = '{{ "db/which" | key | key }} {{ "none" | key: "instead" }}';
    await rig.render({ data });
    expect(rig.out()).toBe('h1 instead');
    expect(rig.said).toEqual([]);
    symlinkSync('/etc/hostname', join(keys, 'out'));
    await expect(rig.render({ data: '{{ "out" | key }}' })).rejects.toThrow('outside of the');
    await expect(rig.render({ data: '{{ "../x" | key }}' })).rejects.toThrow('is no key');
    await rig.render({ data: '<{{ "none" | key }}>', errorOnMissingKey: false });
    expect(rig.out()).toBe('<>');
  });

  it('is nothing where the operator has no keys', async () => {
    await expect(setUp().render({ data: '{{ "a" | key }}' })).rejects.toThrow('--template-keys');
  });

  it('is asked of the provider of whoever embeds it, whose troubles pass', async () => {
    const asked: string[] = [];
    const get = async (key: string): Promise<string> => {
      asked.push(key);
      if (key === 'down') throw new Error('no answer');
      return key.toUpperCase();
    };
    const rig = setUp({ keys: { get } });
    await rig.render({ data: '{% assign k = "b" %}{{ "a" | key }}{{ k | key }}{{ "a" | key }}' });
    expect(rig.out()).toBe('ABA');
    expect(asked.toSorted()).toEqual(['a', 'b']);
    await expect(rig.render({ data: '{{ "down" | key }}' })).rejects.toMatchObject({
      message: 'templates[0] (local/out): key "down" cannot be asked for: no answer',
      retryable: true,
    });
  });

  it('is waited for by name, until it is there', async () => {
    const keys = realpathSync(mkdtempSync(join(tmpdir(), 'hf-keys-')));
    onTestFinished(() => rmSync(keys, { recursive: true, force: true }));
    const rig = setUp({ keys });
    const rendering = rig.render({ data: '{{ "db/host" | key }}:{{ "db/port" | key }}' });
    const says = (text: string) => vi.waitFor(() => expect(rig.said.at(-1)).toContain(text), 9_000);
    await says('templates[0] (local/out) waits for key "db/host", key "db/port"');
    mkdirSync(join(keys, 'db'));
    writeFileSync(join(keys, 'db', 'host'), 'h');
    await says('waits for key "db/port"');
    writeFileSync(join(keys, 'db', 'port'), '1');
    await rendering;
    expect(rig.out()).toBe('h:1');
    expect(rig.said).toHaveLength(2);
  }, 30_000);
});

it('fills in once what is asked for once, as long as it is there and asked for so', async () => {
  const rig = setUp();
  const path = join(rig.task, 'local', 'out');
  const asked = { data: '{{ "local/in" | file }}', once: true };
  writeFileSync(join(rig.task, 'local', 'in'), 'first');
  const { state = {} } = (await rig.render(asked)) ?? {};
  Object.assign(rig.previous, state);
  writeFileSync(join(rig.task, 'local', 'in'), 'second');
  expect(await rig.render(asked)).toMatchObject({ state });
  expect(rig.out()).toBe('first');
  rmSync(path);
  await rig.render(asked);
  expect(rig.out()).toBe('second');
  await rig.render({ ...asked, data: 'another one' });
  expect(rig.out()).toBe('another one');
});

it('reads lines of variables as others do', () => {
  const text = '# c\n\nA=1\nexport B = two words \nC=\'a"$b\'\nD="x\\ny\\"z\\\\"\nA=2\nE=\n';
  expect(Object.fromEntries(envLines(text))).toEqual({
    A: '2',
    B: 'two words',
    C: 'a"$b',
    D: 'x\ny"z\\',
    E: '',
  });
});

it.each(['a\tb\r', 'é\u{1f600}\u2028', '\\"\'$`', 'two\nlines', '\u0001\b\f'])(
  'reads what JSON makes of a value as that value: %j',
  (value) => {
    expect(envLines(`A=${JSON.stringify(value)}`)).toEqual([['A', value]]);
  },
);

it.each(['A=b\0c', 'A="\\u0000"'])('makes no variable with a NUL in it: %j', (text) => {
  expect(() => envLines(text)).toThrow('line 1 has a NUL in it');
});

it('is a spec with either data or source, below the directory of the task', () => {
  const resolved = (one: object) =>
    resolveSpec(
      validateGroup({ name: 'g', tasks: [{ name: 'a', driver: 'mock', templates: [one] }] }),
    ).tasks[0]?.templates;
  expect(resolved({ data: 'x', destination: 'local/a' })).toEqual([
    { data: 'x', destination: 'local/a', perms: '0600', env: false, errorOnMissingKey: true },
  ]);
  expect(
    resolved({
      data: 'x',
      destination: 'local/a',
      changeMode: 'script',
      changeScript: { command: 'reload' },
      wait: { min: '1s' },
    })?.[0],
  ).toMatchObject({
    wait: { minMs: 1_000, maxMs: 4_000 },
    change: {
      mode: 'script',
      splayMs: 5_000,
      script: { command: 'reload', args: [], timeoutMs: 5_000, failOnError: false },
    },
  });
  const refused = [
    { data: '', destination: 'a', changeMode: 'signal' },
    { data: '', destination: 'a', changeMode: 'script' },
    { data: '', destination: 'a', changeSignal: 'SIGHUP' },
    { data: '', destination: 'a', changeMode: 'signal', changeSignal: 'SIGHUP', env: true },
    { data: '', destination: 'a', once: true, env: true },
    { data: '', destination: 'a', once: true, changeMode: 'noop' },
    { data: '', destination: 'a', wait: { min: '2s', max: '1s' } },
    { destination: 'local/a' },
    { data: '', source: 'x', destination: 'local/a' },
    { data: '', destination: '../a' },
    { data: '', destination: '/etc/a' },
  ];
  for (const one of refused) expect(() => resolved(one)).toThrow('templates[0]');
});
