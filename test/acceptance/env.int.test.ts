/** What a real program finds in its environment, against what it was meant to find. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import { asWritten, ODD_VALUE } from '../spec/odd-values.ts';
import { Machine, until } from './rig.ts';

let machine: Machine;
let agent: Orchestrator;

beforeEach(async () => {
  machine = new Machine();
  agent = await machine.startAgent();
});
afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await machine.scrap();
});

/** As a program sees it, which is not as a shell would tell it. */
function environOf(pid: number): Readonly<Record<string, string>> {
  const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').slice(0, -1);
  return Object.fromEntries(
    entries.map((entry) => [
      entry.slice(0, entry.indexOf('=')),
      entry.slice(entry.indexOf('=') + 1),
    ]),
  );
}

/** Who bears the pid is not the program before it was executed: until then its environment is another one. */
async function running(ref: string): Promise<number> {
  return until('it runs', async () => {
    const pid = (await agent.inspect(ref)).tasks[0]?.pid ?? undefined;
    return pid !== undefined && readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n' && pid;
  });
}

const SLEEPER = { driver: 'raw_exec', config: { command: 'sleep', args: ['600'] } };

describe('the environment of a program', () => {
  it('holds 500 values of any kind unchanged, through references too', async () => {
    const values = fc.sample(ODD_VALUE, { numRuns: 500, seed: 21 });
    const env: Record<string, string> = {};
    for (const [at, value] of values.entries()) env[`V${at}`] = asWritten(value);
    for (let at = 0; at < 50; at += 1) env[`R${at}`] = `<\${V${at}}>`;
    const task = { name: 'web', ...SLEEPER, env, meta: { odd: '"\n${V0}' } };
    const { allocId } = await agent.run({ name: 'fuzz', tasks: [task] });
    const found = environOf(await running(allocId));
    const wrong = values.filter((value, at) => found[`V${at}`] !== value);
    expect(wrong).toEqual([]);
    const referred = values.slice(0, 50).filter((value, at) => found[`R${at}`] !== `<${value}>`);
    expect(referred).toEqual([]);
    expect(found['NOMAD_META_odd']).toBe(`"\n${values[0]}`);
  });

  it('is what is shown, and both tell who it is', async () => {
    const identity = { jobId: 'j1', namespace: 'prod', datacenter: 'dc1', allocIndex: 3 };
    const task = {
      name: 'web',
      ...SLEEPER,
      env: { WHO: '${NOMAD_JOB_ID}@${node.datacenter}', PATH: '/opt/none:${PATH}', HOME: '/own' },
      meta: { tier: 'gold' },
      resources: {},
    };
    const group = { name: 'shop', meta: { zone: 'a' }, labels: { team: 'core' }, tasks: [task] };
    const { allocId } = await agent.run(group, { identity });
    const found = environOf(await running(allocId));
    const view = await agent.env(allocId);
    const shown = Object.fromEntries(view.variables.map(({ name, value }) => [name, value]));
    expect(shown).toEqual(found);
    expect(view.problems).toEqual([]);
    expect(found).toMatchObject({
      WHO: 'j1@dc1',
      NOMAD_ALLOC_NAME: 'j1.shop[3]',
      NOMAD_ALLOC_INDEX: '3',
      NOMAD_NAMESPACE: 'prod',
      NOMAD_DC: 'dc1',
      NOMAD_META_zone: 'a',
      NOMAD_META_TIER: 'gold',
      HOLDFAST_LABEL_team: 'core',
    });
    const path = view.variables.find(({ name }) => name === 'PATH');
    expect([path?.layer, path?.written, path?.overrode.map(({ layer }) => layer)]).toEqual([
      'task',
      '/opt/none:${PATH}',
      ['default'],
    ]);
  });

  it('is the same after the agent died, the scheduler’s names too', async () => {
    const task = { name: 'web', ...SLEEPER, env: { A: '${NOMAD_REGION}' } };
    const { allocId } = await agent.run(
      { name: 'shop', tasks: [task] },
      { identity: { region: 'eu' } },
    );
    const before = environOf(await running(allocId));
    await agent[Symbol.asyncDispose]();
    await machine.killAgent();
    agent = await machine.startAgent();
    await agent.restart(allocId);
    await until('it runs again', async () => (await agent.inspect(allocId)).tasks[0]?.run === 2);
    const after = environOf(await running(allocId));
    expect({ ...after, HOLDFAST_MARK: '' }).toEqual({ ...before, HOLDFAST_MARK: '' });
    expect(after['A']).toBe('eu');
  });
});

describe('references of a group', () => {
  it('reach the settings of its driver', async () => {
    const config = { command: '/bin/${SHELL_NAME}', args: ['-c', 'echo "${meta.say} $${PID_OF}"'] };
    const task = { name: 'web', driver: 'raw_exec', config, env: { SHELL_NAME: 'sh' } };
    const group = { name: 'say', type: 'batch' as const, meta: { say: 'hello' }, tasks: [task] };
    const handle = await agent.run(group);
    expect((await handle.wait()).state).toBe('complete');
    expect(machine.outputOf(handle.allocId, 'web')).toBe('hello \n');
  });

  it('that can never be answered are refused, and nothing is known of the group', async () => {
    const env = { A: '${B}', B: '${A}', C: '${node.clas}' };
    const file = join(machine.dataDir, 'wrong.json');
    writeFileSync(
      file,
      JSON.stringify({ name: 'wrong', tasks: [{ name: 'web', ...SLEEPER, env }] }),
    );
    const { status, stderr } = machine.holdfast('run', file);
    expect(status).toBe(6);
    expect(stderr).toContain('tasks[0].env.B: the references lead back to where they begin');
    expect(stderr).toContain('tasks[0].env.C: ${node.clas} is not known here');
    expect(await agent.allocs({ all: true })).toEqual([]);
  });

  it('that nothing answers keep the task from starting, and say so', async () => {
    const task = { name: 'web', ...SLEEPER, env: { A: '${NOBODY}' } };
    const group = { name: 'late', tasks: [{ ...task, restart: { attempts: 0 } }] };
    const handle = await agent.run(group);
    const view = await handle.wait();
    expect(view.state).toBe('failed');
    expect(view.tasks[0]?.reason).toContain('env.A: ${NOBODY} is not known here');
    const { problems } = await agent.env(handle.allocId);
    expect(problems).toHaveLength(1);
    const { status, stdout, stderr } = machine.holdfast('env', handle.allocId);
    expect([status, /^A +\$\{NOBODY\}$/m.test(stdout)]).toEqual([0, true]);
    expect(stderr).toMatch(/^cannot be started so: env\.A: /);
  });

  it('stay as they are for who wants that', async () => {
    const task = { name: 'web', ...SLEEPER, env: { A: '${NOBODY}' } };
    const group = { name: 'keep', interpolation: { unknown: 'keep' as const }, tasks: [task] };
    const { allocId } = await agent.run(group);
    expect(environOf(await running(allocId))['A']).toBe('${NOBODY}');
  });
});

describe('holdfast env', () => {
  it('explains in a table, and refuses what it does not know with the right status', async () => {
    const tasks = [
      { name: 'one', ...SLEEPER, env: { A: 'x' } },
      { name: 'two', ...SLEEPER },
    ];
    await agent.run({ name: 'pair', tasks });
    const told = machine.holdfast('env', 'pair/one', '--explain');
    expect([told.status, told.stderr]).toEqual([0, '']);
    expect(told.stdout).toMatch(/^NAME +VALUE +FROM +WRITTEN +OVERRIDES\n/);
    expect(told.stdout).toMatch(/^A +x +task +- +-$/m);
    const json = machine.holdfast('env', 'pair/two', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ alloc: 'pair', task: 'two', problems: [] });
    const statuses = [['pair'], ['nobody'], ['pair/three'], []].map(
      (args) => machine.holdfast('env', ...args).status,
    );
    expect(statuses).toEqual([2, 3, 3, 2]);
  });
});
