import { describe, expect, it } from 'vitest';
import { readJsLiteral } from '../../src/import/js-literal.ts';
import { importPm2 } from '../../src/import/pm2.ts';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';

function imported(app: object, env?: string) {
  const made = importPm2({ apps: [app] }, { name: 'site', workDir: '/srv/site', env });
  const spec = resolveSpec(validateGroup(made.group));
  return { notes: made.notes, task: (made.group['tasks'] as object[])[0], spec: spec.tasks[0] };
}

describe("an app of PM2's ecosystem file", () => {
  it('becomes a task that is started and restarted as PM2 does it', () => {
    const { task, notes } = imported({ name: 'my api', script: './api.js' });
    expect(notes).toEqual([]);
    expect(task).toEqual({
      name: 'my-api',
      driver: 'raw_exec',
      config: { command: 'node', args: ['/srv/site/api.js'], workDir: '/srv/site' },
      restart: { attempts: 16, interval: '1d', delay: '100ms', resetAfter: '1s', mode: 'fail' },
      killSignal: 'SIGINT',
      killTimeout: '1600ms',
    });
  });

  it('keeps its arguments, its environment, its user and its limits', () => {
    const { task, spec, notes } = imported(
      {
        script: '../bin/run.py',
        args: `--a "b c" 'd e' --f=\${X}`,
        interpreter: '/usr/bin/python3.11',
        interpreter_args: '-u',
        cwd: 'sub/',
        env: { PORT: 80, SHARED: 'a' },
        env_production: { SHARED: 'b' },
        env_staging: { SHARED: 'c' },
        uid: 1000,
        gid: 1000,
        max_memory_restart: '1G',
        exp_backoff_restart_delay: 100,
        min_uptime: '10s',
        max_restarts: 3,
        stop_exit_codes: [0, 75],
        kill_timeout: 3000,
      },
      'production',
    );
    expect(task).toMatchObject({
      name: 'run',
      config: {
        command: '/usr/bin/python3.11',
        args: ['-u', '/srv/site/bin/run.py', '--a', 'b c', 'd e', '--f=$${X}'],
        workDir: '/srv/site/sub',
      },
      env: { PORT: '80', SHARED: 'b' },
      user: '1000:1000',
      resources: { memoryMb: 1024 },
      killTimeout: '3s',
    });
    expect(spec?.restart).toMatchObject({
      attempts: 3,
      delayMs: 100,
      backoff: 'exponential',
      maxDelayMs: 15_000,
      resetAfterMs: 10_000,
    });
    expect(spec?.restart.exitCodes).toHaveLength(2);
    expect(notes).toEqual([
      'apps[0].env_staging is left out: take it with --env staging',
      'apps[0].max_memory_restart is a hard limit here: the kernel ends what passes it',
    ]);
  });

  it('without autorestart is run once', () => {
    expect(imported({ script: 'a', autorestart: false }).spec?.restart.attempts).toBe(0);
  });

  it('says a line for each thing that is left out', () => {
    const { notes } = imported({
      script: 'a',
      instances: 'max',
      exec_mode: 'cluster',
      watch: true,
      out_file: 'x',
      new_thing: 1,
    });
    expect(notes.map((note) => note.split(' ')[0])).toEqual([
      'apps[0].instances',
      'apps[0].exec_mode',
      'apps[0].watch',
      'apps[0].out_file',
      'apps[0].new_thing',
    ]);
  });

  it.each<[unknown, string]>([
    [{ apps: [{ name: 'a' }] }, 'apps[0] has no script'],
    [{}, 'has no apps'],
    [{ apps: [] }, 'has no apps'],
    [{ apps: [{ script: 'a' }, { script: 'a' }] }, 'names two apps "a"'],
    ['text', 'must be an object'],
  ])('that makes no sense is refused: %j', (file, text) => {
    expect(() => importPm2(file, { name: 'x', workDir: '/x' })).toThrow(text);
  });
});

describe('a file that is nothing but data', () => {
  it('is read as JavaScript would', () => {
    const text = `'use strict';
// one
module.exports = /* two */ {
  apps: [{ name: "a", 'b-c': 'it\\'s \\u00e9\\x41\\u{1F600}', d: \`x
y\`, e: -1.5e3, f: 0x10, g: 1_000, h: [true, false, null, undefined,], 2: .5, },],
};
`;
    expect(readJsLiteral(text)).toEqual({
      apps: [
        {
          name: 'a',
          'b-c': "it's éA😀",
          d: 'x\ny',
          e: -1500,
          f: 16,
          g: 1000,
          h: [true, false, null, undefined],
          2: 0.5,
        },
      ],
    });
    expect(readJsLiteral('export default [1]')).toEqual([1]);
  });

  it('touches nothing by the names of its keys', () => {
    const value = readJsLiteral('module.exports = { __proto__: { polluted: 1 } }') as object;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each([
    ['module.exports = {\n  a: process.env.X }', ':2 is not plain data: it would have to be run'],
    ['module.exports = { a: require("fs") }', ':1 is not plain data'],
    ['module.exports = { a: 1 + 1 }', ':1 is not plain data'],
    ['module.exports = { a: `${x}` }', ':1 is not plain data: a text has something to be computed'],
    ['module.exports = { ...x }', ':1 has a key that is no name'],
    ['module.exports = { a }', ':1 says no value for a'],
    ['module.exports = { a() {} }', ':1 says no value for a'],
    ['module.exports = {} ; run()', ':1 goes on behind its value'],
    ['const a = 1', ':1 must be "module.exports = {…}" and nothing else'],
    ['module.exports = { a: "x', ':1 ends in a text'],
    [`module.exports = ${'['.repeat(200)}`, 'is nested more than 100 times'],
    ['module.exports = { a: 1', 'is not plain data'],
  ])('is refused when it is more: %j', (text, fault) => {
    expect(() => readJsLiteral(text)).toThrow(fault);
  });
});
