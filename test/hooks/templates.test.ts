/** The hook that fills in templates: what it writes, what it gives, and what no template can do. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { HookDoors, HookRequest, PrestartResult } from '../../src/hooks/hook.ts';
import { HookRegistry } from '../../src/hooks/registry.ts';
import { envLines } from '../../src/hooks/templates/env-lines.ts';
import { templates } from '../../src/hooks/templates.ts';
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

function setUp() {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'hf-templates-')));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const task = join(dir, 'task');
  mkdirSync(join(task, 'local'), { recursive: true });
  const { signal } = new AbortController();
  const doors = {
    signal,
    drivers: { ownerOf: async () => undefined },
    env: () => ({ PORT: '80', GREETING: 'a "b"' }),
    secret: (name: string) => (name === 'api' ? CANARY : undefined),
  } as unknown as HookDoors;
  const secrets = [{ name: 'api', provider: 'env', key: 'A' }] as const;
  return {
    dir,
    task,
    async render(...all: Partial<TemplateSpec>[]): Promise<PrestartResult | void> {
      const spec = taskSpec({ secrets, templates: all.map(template) });
      return templates.prestart?.({ task: spec, dirs: { task } } as unknown as HookRequest, doors);
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
    expect(given).toEqual({ secrets: [{ name: 'template.1.A', value: CANARY, env: 'A' }] });
    await expect(rig.render({ data: `A=b\n${CANARY}\n`, env: true })).rejects.toThrow(
      'templates[0] (local/out): line 2 is not NAME=value',
    );
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

it('is a spec with either data or source, below the directory of the task', () => {
  const resolved = (one: object) =>
    resolveSpec(
      validateGroup({ name: 'g', tasks: [{ name: 'a', driver: 'mock', templates: [one] }] }),
    ).tasks[0]?.templates;
  expect(resolved({ data: 'x', destination: 'local/a' })).toEqual([
    { data: 'x', destination: 'local/a', perms: '0600', env: false, errorOnMissingKey: true },
  ]);
  const refused = [
    { destination: 'local/a' },
    { data: '', source: 'x', destination: 'local/a' },
    { data: '', destination: '../a' },
    { data: '', destination: '/etc/a' },
  ];
  for (const one of refused) expect(() => resolved(one)).toThrow('templates[0]');
});
