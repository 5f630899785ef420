import { describe, expect, it } from 'vitest';
import type { EnvFacts } from '../../src/spec/env-facts.ts';
import { problemLine } from '../../src/spec/env-problem.ts';
import { hasReferenceWithin, replaceReferences } from '../../src/spec/interpolate.ts';
import { problemsAtAcceptance, withConfig, withPlaces } from '../../src/spec/interpolated-task.ts';
import { TaskEnvironment } from '../../src/spec/task-env.ts';
import type { InterpolationPolicy, TaskSpec } from '../../src/spec/task-spec.ts';
import { taskSpec } from '../machines/stories.ts';

const ERROR: InterpolationPolicy = { rules: 1, unknown: 'error' };
const KEEP: InterpolationPolicy = { rules: 1, unknown: 'keep' };

function factsOf(task: Partial<TaskSpec>, more: Partial<EnvFacts> = {}): EnvFacts {
  return {
    places: { alloc: '/alloc', local: '/local', secrets: '/secrets', tmp: '/tmp' },
    allocId: 'a1b2c3d4e5',
    allocName: 'shop',
    task: taskSpec({ interpolation: ERROR, ...task }),
    ...more,
  };
}

/** What variables become, and what is wrong with them. */
function read(
  env: Record<string, string>,
  more: Partial<EnvFacts> = {},
  policy: InterpolationPolicy = ERROR,
): { env: Readonly<Record<string, string>>; problems: readonly string[] } {
  const told = new TaskEnvironment(factsOf({ env, interpolation: policy }, more));
  return { env: told.env, problems: told.problems.map(problemLine) };
}

describe('a reference', () => {
  it('stands for a port by its label, whatever the name of the variable is made of that', () => {
    const network = { ports: [{ label: 'my-http', hostIp: '10.0.0.1', hostPort: 8080 }] };
    const text = '${PORT_my-http} ${NOMAD_ADDR_my-http} ${env.HOLDFAST_IP_my_http}';
    const { env, problems } = read({ A: text }, { network });
    expect(problems).toEqual([]);
    expect(env['A']).toBe('8080 10.0.0.1:8080 10.0.0.1');
  });

  it('stands for a variable, with or without env. or the prefix', () => {
    const group = { meta: { tier: 'gold' }, labels: { team: 'core' } };
    const network = { ports: [{ label: 'http', hostIp: '10.0.0.1', hostPort: 8080 }] };
    const { env, problems } = read(
      {
        A: '${HOST}:${env.PORT}',
        HOST: 'db',
        PORT: '5432',
        B: '${NOMAD_TASK_NAME} ${TASK_NAME} ${task.name} ${alloc.id} ${ALLOC_DIR}',
        C: '${PORT_http} ${NOMAD_ADDR_http}',
        D: '${meta.tier} ${NOMAD_META_tier} ${META_TIER} ${labels.team}',
      },
      { group, network },
    );
    expect(problems).toEqual([]);
    expect(env).toMatchObject({
      A: 'db:5432',
      B: 'web web web a1b2c3d4e5 /alloc',
      C: '8080 10.0.0.1:8080',
      D: 'gold gold gold core',
    });
  });

  it('stands for what is known of the node, under Nomad’s names', () => {
    const node = {
      id: 'n1',
      name: 'left',
      class: 'big',
      pool: 'default',
      datacenter: 'dc1',
      region: 'eu',
      meta: { rack: 'r7' },
      attributes: { 'kernel.name': 'linux' },
    };
    const group = { meta: { rack: 'own', only: 'mine' }, labels: {}, identity: { nodeId: 'n9' } };
    const { env, problems } = read(
      {
        A: '${node.unique.id} ${node.unique.name} ${node.class} ${node.pool} ${node.datacenter}',
        B: '${attr.kernel.name} ${node.attr.kernel.name} ${node.region}',
        C: '${meta.rack} ${node.meta.rack} ${NOMAD_META_rack} ${meta.only}',
      },
      { node, group },
    );
    expect(problems).toEqual([]);
    expect(env).toMatchObject({
      A: 'n9 left big default dc1',
      B: 'linux linux eu',
      C: 'r7 r7 own mine',
    });
  });

  it('is followed through other variables, in whatever order they are written', () => {
    const forward = read({ A: '${B}!', B: '${C}?', C: 'c' });
    const backward = read({ C: 'c', B: '${C}?', A: '${B}!' });
    expect(forward.env).toMatchObject({ A: 'c?!', B: 'c?' });
    expect(backward.env['A']).toBe(forward.env['A']);
  });

  it('to its own name means what it overrides', () => {
    const hostEnv = { LIB: '/host' };
    const told = new TaskEnvironment(
      factsOf(
        { env: { PATH: '/opt/bin:${PATH}', LIB: '${LIB}:/own' }, hostEnv: true },
        { hostEnv },
      ),
    );
    expect(told.env).toMatchObject({ LIB: '/host:/own' });
    expect(told.env['PATH']).toMatch(/^\/opt\/bin:\/usr\/local\/sbin/);
    expect(read({ NEW: '${NEW}' }).problems[0]).toMatch(/^env\.NEW: \$\{NEW\} is not known here/);
  });

  it('reaches what hooks give, whose own text is not read', () => {
    const hooks = [{ hook: 'h', env: [{ name: 'GIVEN', value: '${PATH}' }] }];
    expect(read({ A: '<${GIVEN}>' }, { hooks }).env['A']).toBe('<${PATH}>');
  });

  it('is text with two dollar signs, and what shells write is none', () => {
    const shell = '${A:-x} $A $(date) ${A%.*} ${} ${a b} $$ ${A';
    const { env, problems } = read({ A: '$${HOME} $$$${B} $1', B: shell });
    expect(problems).toEqual([]);
    expect(env).toMatchObject({ A: '${HOME} $$${B} $1', B: shell });
  });

  it('is found in a value of any depth, and nowhere else', () => {
    expect(hasReferenceWithin({ a: ['x', { b: '${X}' }] })).toBe(true);
    expect(hasReferenceWithin(['$${X}'])).toBe(true);
    expect(hasReferenceWithin({ '${X}': ['${X:-y}', 7, null, '${ }'] })).toBe(false);
    // Asking leaves nothing behind.
    expect(replaceReferences('${A}${B}', (name) => name, 9)).toBe('AB');
  });

  it('is not read at all in a task of a time when there were none', () => {
    const task = taskSpec({ env: { A: '${B}', C: '$${D}' }, config: { x: '${B}' }, user: '${u}' });
    const facts = factsOf({}, { task });
    const environment = new TaskEnvironment(facts);
    expect(environment.env).toMatchObject({ A: '${B}', C: '$${D}' });
    expect(withConfig(withPlaces(task, facts), environment)).toBe(task);
  });
});

describe('a reference that cannot be answered', () => {
  it('is an error that says where, what may be meant, and what to do', () => {
    expect(read({ DB_HOST: 'x', URL: '${DB_HOTS}' }).problems).toEqual([
      'env.URL: ${DB_HOTS} is not known here. Did you mean ${DB_HOST}? For the text itself write ' +
        '$${DB_HOTS}, or set interpolation.unknown to "keep"',
    ]);
  });

  it('stays as it is written for who wants that', () => {
    const { env, problems } = read({ A: '${nobody} ${attr.none}' }, {}, KEEP);
    expect(problems).toEqual([]);
    expect(env['A']).toBe('${nobody} ${attr.none}');
  });

  it('leads round in a circle, whatever the policy', () => {
    const { problems } = read({ A: '${B}', B: '${C}', C: '${A}' }, {}, KEEP);
    expect(problems).toEqual([
      'env.C: the references lead back to where they begin: env.A → env.B → env.C → env.A',
    ]);
  });

  it('leads too far from either end', () => {
    const chain = Array.from({ length: 66 }, (_, at) => [`V${at}`, `\${V${at + 1}}`] as const);
    const from = (entries: readonly (readonly [string, string])[]): readonly string[] =>
      read({ ...Object.fromEntries(entries), V66: 'end' }).problems;
    expect(from(chain.slice(3))).toEqual([]);
    expect(from(chain.slice(3).toReversed())).toEqual([]);
    expect(from(chain).length).toBeGreaterThan(0);
    expect(from(chain.toReversed()).length).toBeGreaterThan(0);
  });

  it('makes no bomb: what grows beyond measure is refused without being made', () => {
    const env: Record<string, string> = { V0: 'x'.repeat(1_000) };
    for (let at = 1; at < 40; at += 1) env[`V${at}`] = `\${V${at - 1}}`.repeat(10);
    const { problems, env: made } = read(env);
    expect(problems[0]).toMatch(/^env\.V3: becomes too long/);
    const sizes = Object.values(made).map((value) => value.length);
    expect(Math.max(...sizes)).toBeLessThan(131_073);
    const many = Array.from({ length: 100 }, (_, at) => [`W${at}`, '${BIG}'] as const);
    const wide = read({ BIG: 'y'.repeat(100_000), ...Object.fromEntries(many) });
    expect(wide.problems[0]).toMatch(/becomes too long/);
  });
});

describe('what else of a task is read', () => {
  const config = {
    command: '/bin/${NAME}',
    args: ['-p', '${PORT}', 7, null],
    deep: [{ a: '${PORT}' }],
  };

  it('are the settings of its driver at any depth, and no keys', () => {
    const task = taskSpec({
      interpolation: ERROR,
      env: { NAME: 'sh', PORT: '80' },
      config: { ...config, '${NAME}': true },
    });
    const facts = factsOf({}, { task });
    const made = withConfig(task, new TaskEnvironment(facts));
    expect(made.config).toEqual({
      command: '/bin/sh',
      args: ['-p', '80', 7, null],
      deep: [{ a: '80' }],
      '${NAME}': true,
    });
  });

  it('are its user and what it mounts, which must still be what they must be', () => {
    const bind = { type: 'bind', readOnly: false, propagation: 'private' } as const;
    const task = taskSpec({
      interpolation: ERROR,
      user: '${meta.owner}',
      meta: { owner: 'web', up: '/x/../etc', here: 'no/root' },
      mounts: [
        { ...bind, volume: 'state', source: '/srv/${alloc.id}', destination: '/state' },
        { ...bind, source: '${meta.up}', destination: '/up' },
        { ...bind, source: '${meta.here}', destination: '/here' },
      ],
    });
    const facts = factsOf({}, { task });
    const placed = withPlaces(task, facts);
    expect(placed.user).toBe('web');
    expect(placed.mounts?.[0]).toMatchObject({ source: '/srv/a1b2c3d4e5' });
    expect(problemsAtAcceptance(task, facts).map(problemLine)).toEqual([
      'mounts[1].source: "/x/../etc" must be an absolute path without ".." (mounted at /up)',
      'mounts[2].source: "no/root" must be an absolute path without ".." (mounted at /here)',
    ]);
  });

  it('is looked at when the group is accepted, but for names that a hook may give', () => {
    const task = taskSpec({
      interpolation: ERROR,
      env: { A: '${LATER}', B: '${node.clas}' },
      config: { args: ['${meta.none}', '${ALSO_LATER}'] },
      user: '${who}',
    });
    const problems = problemsAtAcceptance(task, factsOf({}, { task }));
    expect(problems.map(({ where, text }) => [where, text])).toEqual([
      ['user', 'who'],
      ['env.B', 'node.clas'],
      ['config.args[0]', 'meta.none'],
    ]);
  });
});
