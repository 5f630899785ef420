import { describe, expect, it } from 'vitest';
import type { EnvFacts } from '../../src/spec/env-facts.ts';
import { TaskEnvironment } from '../../src/spec/task-env.ts';

type Changes = Omit<Partial<EnvFacts>, 'task'> & { readonly task?: Partial<EnvFacts['task']> };

function facts({ task, ...changes }: Changes = {}): EnvFacts {
  return {
    places: { alloc: '/a/alloc', local: '/a/web/local', secrets: '/a/web/secrets', tmp: '/a/tmp' },
    allocId: '0123456789abcdef',
    allocName: 'shop',
    task: { name: 'web', env: {}, meta: {}, ...task },
    ...changes,
  };
}

const READ = { rules: 1, unknown: 'error' } as const;
const envOf = (changes?: Changes): Readonly<Record<string, string>> =>
  new TaskEnvironment(facts(changes)).env;

describe('the environment of a program', () => {
  it('tells where and who it is under two names each', () => {
    expect(envOf()).toEqual({
      NOMAD_ALLOC_DIR: '/a/alloc',
      HOLDFAST_ALLOC_DIR: '/a/alloc',
      NOMAD_TASK_DIR: '/a/web/local',
      HOLDFAST_TASK_DIR: '/a/web/local',
      NOMAD_SECRETS_DIR: '/a/web/secrets',
      HOLDFAST_SECRETS_DIR: '/a/web/secrets',
      TMPDIR: '/a/tmp',
      NOMAD_ALLOC_ID: '0123456789abcdef',
      HOLDFAST_ALLOC_ID: '0123456789abcdef',
      NOMAD_SHORT_ALLOC_ID: '01234567',
      HOLDFAST_SHORT_ALLOC_ID: '01234567',
      NOMAD_ALLOC_NAME: 'shop',
      HOLDFAST_ALLOC_NAME: 'shop',
      NOMAD_GROUP_NAME: 'shop',
      HOLDFAST_GROUP_NAME: 'shop',
      NOMAD_TASK_NAME: 'web',
      HOLDFAST_TASK_NAME: 'web',
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    });
  });

  it('tells the limits, in MiB and MHz, where there are any', () => {
    const resources = { cpu: 0.5, cpuset: '0-1,3', memoryMb: 64, memoryMaxMb: 128 };
    const node = { coreMhz: 2_600, parentCgroup: '/holdfast/i1' };
    expect(envOf({ task: { resources }, node })).toMatchObject({
      NOMAD_MEMORY_LIMIT: '64',
      NOMAD_MEMORY_MAX_LIMIT: '128',
      NOMAD_CPU_LIMIT: '1300',
      NOMAD_CPU_CORES: '0-1,3',
      NOMAD_PARENT_CGROUP: '/holdfast/i1',
    });
    expect(envOf({ task: { resources } })).not.toHaveProperty('NOMAD_CPU_LIMIT');
  });

  it('tells what a scheduler calls it', () => {
    const identity = {
      jobId: 'web-job',
      jobName: 'Web',
      jobParentId: 'parent',
      namespace: 'prod',
      region: 'eu',
      allocIndex: 2,
    };
    const group = { meta: {}, labels: {}, identity };
    expect(envOf({ group, node: { region: 'us', datacenter: 'dc1' } })).toMatchObject({
      NOMAD_JOB_ID: 'web-job',
      NOMAD_JOB_NAME: 'Web',
      NOMAD_JOB_PARENT_ID: 'parent',
      NOMAD_NAMESPACE: 'prod',
      NOMAD_REGION: 'eu',
      NOMAD_DC: 'dc1',
      NOMAD_ALLOC_INDEX: '2',
      NOMAD_ALLOC_NAME: 'web-job.shop[2]',
      NOMAD_GROUP_NAME: 'shop',
    });
  });

  it('tells meta as it is written and in capitals, the task’s before the group’s', () => {
    const group = { meta: { tier: 'group', zone: 'a' }, labels: { team: 'core' } };
    const env = envOf({ group, task: { meta: { tier: 'task', 'a-b': '1', '1x': '2' } } });
    expect(env).toMatchObject({
      NOMAD_META_tier: 'task',
      NOMAD_META_TIER: 'task',
      HOLDFAST_META_tier: 'task',
      NOMAD_META_zone: 'a',
      NOMAD_META_a_b: '1',
      NOMAD_META_A_B: '1',
      NOMAD_META_1x: '2',
      HOLDFAST_LABEL_team: 'core',
    });
    expect(env).not.toHaveProperty('NOMAD_LABEL_team');
  });

  it('lets no capitals of one meta key hide another key', () => {
    const meta = { TIER: 'capitals', tier: 'small' };
    expect(envOf({ task: { meta } })).toMatchObject({
      NOMAD_META_TIER: 'capitals',
      NOMAD_META_tier: 'small',
    });
  });

  it('cleans names that end in somebody else’s words, byte by byte, and no others', () => {
    const env = { 'NOMAD_META_é!': '1', 'NOMAD_PORT_a-b': '2', 'MY-NAME': '3' };
    expect(envOf({ task: { env } })).toMatchObject({
      NOMAD_META____: '1',
      NOMAD_PORT_a_b: '2',
      'MY-NAME': '3',
    });
  });

  it('keeps the order in which layers override each other', () => {
    const told = new TaskEnvironment(
      facts({
        task: { hostEnv: true, env: { A: 'task', PATH: '/own', NOMAD_DC: 'mine' }, meta: {} },
        node: { datacenter: 'dc1' },
        hostEnv: { A: 'host', B: 'host', PATH: '/host', TMPDIR: '/host', NOMAD_DC: 'host' },
        hooks: [
          { hook: 'templates', env: [{ name: 'C', value: 'template' }] },
          {
            hook: 'first',
            env: [
              { name: 'C', value: '1' },
              { name: 'A', value: 'hook' },
            ],
          },
          { hook: 'second', env: [{ name: 'C', value: '2' }] },
        ],
      }),
    );
    const layerOf = (name: string): unknown => {
      const one = told.explain().find((variable) => variable.name === name);
      return [one?.layer, one?.value, one?.overrode.map(({ layer, value }) => [layer, value])];
    };
    expect(layerOf('A')).toEqual([
      'hook',
      'hook',
      [
        ['task', 'task'],
        ['host', 'host'],
      ],
    ]);
    expect(layerOf('B')).toEqual(['host', 'host', []]);
    expect(layerOf('C')).toEqual([
      'template',
      'template',
      [
        ['hook', '2'],
        ['hook', '1'],
      ],
    ]);
    expect(layerOf('PATH')).toEqual(['task', '/own', [['host', '/host']]]);
    expect(layerOf('TMPDIR')).toEqual(['directories', '/a/tmp', []]);
    expect(layerOf('NOMAD_DC')).toEqual(['task', 'mine', [['identity', 'dc1']]]);
  });

  it('gives of the agent’s variables those that a task asks for', () => {
    const hostEnv = { LANG: 'C', EDITOR: 'vi' };
    expect(envOf({ hostEnv })).not.toHaveProperty('LANG');
    const some = envOf({ hostEnv, task: { hostEnv: ['LANG', 'NOT_THERE'] } });
    expect(some).toMatchObject({ LANG: 'C' });
    expect(some).not.toHaveProperty('EDITOR');
    expect(some).not.toHaveProperty('NOT_THERE');
  });

  it('takes names that JavaScript has a use for as any others', () => {
    const env = JSON.parse('{"__proto__": "x", "constructor": "y"}') as Record<string, string>;
    const made = envOf({ task: { env, meta: env, interpolation: READ } });
    expect(Object.entries(made)).toContainEqual(['__proto__', 'x']);
    expect(made['constructor']).toBe('y');
    expect(Object.entries(made)).toContainEqual(['NOMAD_META___proto__', 'x']);
  });
});

describe('secrets among the variables', () => {
  const hooks = [
    { hook: 'secrets', env: [{ name: 'PASS', value: 'hunter2', secret: 'db', hash: 'h1' }] },
  ];

  it('reach the program, and nobody who looks', () => {
    const told = new TaskEnvironment(facts({ hooks, task: { env: { PASS: 'default' } } }));
    expect(told.env).toMatchObject({ PASS: 'hunter2' });
    const shown = told.explain().find(({ name }) => name === 'PASS');
    expect(shown).toMatchObject({ value: undefined, secrets: ['db'], hash: 'h1', layer: 'hook' });
    expect(shown?.overrode).toEqual([{ layer: 'task', from: undefined, value: 'default' }]);
    expect(JSON.stringify(told.explain())).not.toContain('hunter2');
  });

  it('hide every variable that is made of one', () => {
    const env = { URL: 'pg://u:${PASS}@db', COPY: '${URL}' };
    const told = new TaskEnvironment(facts({ hooks, task: { env, interpolation: READ } }));
    expect(told.env).toMatchObject({ COPY: 'pg://u:hunter2@db' });
    expect(told.problems).toEqual([]);
    const shown = told.explain().filter(({ secrets }) => secrets.length > 0);
    expect(shown.map(({ name, value, written }) => [name, value, written])).toEqual([
      ['COPY', undefined, '${URL}'],
      ['PASS', undefined, undefined],
      ['URL', undefined, 'pg://u:${PASS}@db'],
    ]);
  });

  it('do not get into the settings of a driver', () => {
    const env = { URL: 'pg://u:${PASS}@db' };
    const told = new TaskEnvironment(facts({ hooks, task: { env, interpolation: READ } }));
    expect(told.text('config.args[0]', '--db=${URL}')).toBe('--db=${URL}');
    expect(told.problems).toEqual([{ kind: 'secret', where: 'config.args[0]', text: 'db' }]);
    expect(told.secretText('artifacts[0]', '${PASS}')).toEqual({
      text: 'hunter2',
      secrets: ['db'],
    });
  });

  it('are no variables while they have not been fetched', () => {
    const missing = [{ hook: 'secrets', env: [{ name: 'PASS', secret: 'db', hash: 'h1' }] }];
    const told = new TaskEnvironment(facts({ hooks: missing }));
    expect(told.env).not.toHaveProperty('PASS');
    expect(told.explain().find(({ name }) => name === 'PASS')).toMatchObject({ hash: 'h1' });
  });

  it('are not read for references', () => {
    const odd = [{ hook: 'secrets', env: [{ name: 'PASS', value: '${PATH}$${X}', secret: 'db' }] }];
    const told = new TaskEnvironment(facts({ hooks: odd, task: { interpolation: READ } }));
    expect(told.env['PASS']).toBe('${PATH}$${X}');
    expect(told.problems).toEqual([]);
  });
});
