/** The environment of tasks over the life of an agent: what is given, what is refused, and what the next agent knows. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { EnvVariable, TaskEnvView } from '../../src/api.ts';
import { defineHook } from '../../src/hooks/hook.ts';
import { eventually, MockAgent } from './mock-agent.ts';

afterEach(() => vi.unstubAllEnvs());

const envOfRun = (agent: MockAgent, task: string): Readonly<Record<string, string>> =>
  agent.world.runs(task).at(-1)?.env ?? {};
const variable = ({ variables }: TaskEnvView, name: string): EnvVariable | undefined =>
  variables.find((one) => one.name === name);

describe('the environment of a task', () => {
  it('has what its hooks gave, as the view says before and after', async () => {
    const agent = new MockAgent();
    const gives = defineHook({
      name: 'gives',
      prestart: async () => ({ env: { GIVEN: 'by hook' } }),
    });
    await agent.open({ hooks: [gives] });
    const env = { A: '<${GIVEN}>' };
    await agent.start('web', {}, {}, { env });
    await agent.until('web', 'running');
    expect(envOfRun(agent, 'web')).toMatchObject({ GIVEN: 'by hook', A: '<by hook>' });
    const view = await agent.orchestrator.env('web');
    expect(variable(view, 'GIVEN')).toMatchObject({ layer: 'hook', from: 'gives' });
    expect(variable(view, 'A')).toMatchObject({ value: '<by hook>', written: '<${GIVEN}>' });
    expect(view).toMatchObject({ alloc: 'web', task: 'web', run: 1, problems: [] });
    expect(variable(view, 'HOLDFAST_MARK')?.layer).toBe('mark');
  });

  it('is shown to each hook with what the ones before it gave, after a restart too', async () => {
    const agent = new MockAgent();
    const seen: unknown[] = [];
    const first = defineHook({ name: 'first', prestart: async () => ({ env: { ONE: '1' } }) });
    const second = defineHook({
      name: 'second',
      async prestart({ run }, { env, read }) {
        seen.push([run, env()['ONE'], env()['TWO'], read('x', '${ONE} ${env.MINE} $${ONE}')]);
        return { env: { TWO: '2' } };
      },
      async start(_request, { env }) {
        seen.push(['started', env()['ONE'], env()['TWO']]);
      },
    });
    await agent.open({ hooks: [first, second] });
    await agent.start('web', {}, {}, { env: { MINE: 'own', REFERS: '${ONE}' } });
    await agent.until('web', 'running');
    await agent.orchestrator.restart('web');
    await eventually(() => expect(seen).toHaveLength(4));
    const before = ['1', undefined, '1 own ${ONE}'];
    const after = ['started', '1', '2'];
    expect(seen).toEqual([[0, ...before], after, [1, ...before], after]);
  });

  it('is no place for a reference that nothing answers, which fails the hook by its name', async () => {
    const agent = new MockAgent();
    const reads = defineHook({
      name: 'reads',
      prestart: async (_request, { read }) => void read('templates[0].destination', '${NOBODY}'),
    });
    await agent.open({ hooks: [reads] });
    await agent.start('web', {}, {}, { env: { A: '$${A}' } });
    const { reason } = await agent.until('web', 'failed');
    expect(reason).toContain('templates[0].destination: ${NOBODY} is not known here');
  });

  it('has of the agent’s own environment what the task asks for and the operator allows', async () => {
    vi.stubEnv('SHARED_A', 'a');
    vi.stubEnv('SHARED_B', 'b');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'x');
    const agent = new MockAgent();
    await agent.open({ deniedHostEnv: ['SHARED_B'] });
    await agent.start('none');
    await agent.start('all', {}, {}, { hostEnv: true });
    await agent.start('some', {}, {}, { hostEnv: ['SHARED_A', 'NOT_THERE'] });
    for (const name of ['none', 'all', 'some']) await agent.until(name, 'running');
    expect(envOfRun(agent, 'none')).not.toHaveProperty('SHARED_A');
    expect(envOfRun(agent, 'all')).toMatchObject({ SHARED_A: 'a' });
    for (const denied of ['SHARED_B', 'AWS_SECRET_ACCESS_KEY']) {
      expect(envOfRun(agent, 'all')).not.toHaveProperty(denied);
    }
    expect(envOfRun(agent, 'some')).toMatchObject({ SHARED_A: 'a' });
    await expect(agent.start('no', {}, {}, { hostEnv: ['SHARED_B'] })).rejects.toMatchObject({
      code: 'SPEC_INVALID',
      message: 'tasks[0].hostEnv: this agent gives SHARED_B to no task',
    });
  });

  it('tells of the node what the operator said and what is known anyway', async () => {
    const agent = new MockAgent();
    const node = { datacenter: 'dc7', meta: { rack: 'r7' }, coreMhz: 1_000 };
    const orchestrator = await agent.open({ node });
    const { instanceId } = await orchestrator.agent();
    const env = { A: '${node.datacenter} ${meta.rack} ${attr.kernel.name} ${node.unique.id}' };
    await agent.start('web', {}, {}, { env, resources: { cpu: 2 } });
    await agent.until('web', 'running');
    expect(envOfRun(agent, 'web')).toMatchObject({
      A: `dc7 r7 linux ${instanceId}`,
      NOMAD_DC: 'dc7',
      NOMAD_CPU_LIMIT: '2000',
    });
  });
});

describe('references that nothing answers', () => {
  it('refuse the group when they never will be, without a trace', async () => {
    const agent = new MockAgent();
    const orchestrator = await agent.open();
    await expect(
      agent.start('web', {}, {}, { env: { A: '${B}', B: '${A}' } }),
    ).rejects.toMatchObject({
      code: 'SPEC_INVALID',
      details: { issues: [{ path: 'tasks[0].env.B' }] },
    });
    expect(await orchestrator.allocs({ all: true })).toEqual([]);
  });

  it('fail the start otherwise, once, without asking the driver', async () => {
    const agent = new MockAgent();
    await agent.open();
    await agent.start('web', {}, {}, { env: { A: '${NOBODY}' } });
    const { reason } = await agent.until('web', 'failed');
    expect(reason).toContain('task web cannot be started: env.A: ${NOBODY} is not known here');
    expect(agent.world.runs('web').map(({ starts }) => starts)).toEqual([]);
    const types = await agent.types('web');
    expect(types.filter((type) => type === 'RunStarting')).toHaveLength(1);
    expect(types).toContain('TaskStartFailed');
  });
});

describe('another agent', () => {
  const identity = { jobId: 'j1', region: 'eu', allocIndex: 4 };

  it('knows what a scheduler called the alloc', async () => {
    const agent = new MockAgent();
    const orchestrator = await agent.open();
    await orchestrator.run({ name: 'web', tasks: [{ name: 'web', driver: 'mock' }] }, { identity });
    await agent.until('web', 'running');
    await agent.reopen();
    await agent.orchestrator.restart('web');
    await vi.waitFor(() => expect(agent.world.runs('web')).toHaveLength(2), { timeout: 10_000 });
    const [first, second] = agent.world.runs('web').map(({ env }) => env);
    expect(second).toEqual(first);
    expect(second).toMatchObject({ NOMAD_ALLOC_NAME: 'j1.web[4]', NOMAD_REGION: 'eu' });
  });

  it('knows it after the store was lost, too', async () => {
    const agent = new MockAgent();
    const orchestrator = await agent.open();
    const { dataDir } = await orchestrator.agent();
    const group = { name: 'web', tasks: [{ name: 'web', driver: 'mock' }] };
    const { allocId } = await orchestrator.run(group, { identity });
    await agent.until('web', 'running');
    await agent.leave();
    const specs = join(dataDir, 'state', 'specs');
    expect(readdirSync(specs)).toEqual([`${allocId}.json`]);
    expect(readFileSync(join(specs, `${allocId}.json`), 'utf8')).toContain('"allocIndex":4');
    rmSync(join(dataDir, 'state', 'store'), { recursive: true });
    expect(existsSync(join(dataDir, 'state', 'store'))).toBe(false);
    await agent.open();
    const view = await agent.orchestrator.env(allocId);
    expect(variable(view, 'NOMAD_ALLOC_INDEX')?.value).toBe('4');
  });

  it('takes the same group for the same, whatever the scheduler calls it', async () => {
    const orchestrator = await new MockAgent().open();
    const group = { name: 'web', tasks: [{ name: 'web', driver: 'mock' }] };
    const first = await orchestrator.run(group, { identity });
    const second = await orchestrator.run(group, { identity: { jobId: 'j2' } });
    expect(second.allocId).toBe(first.allocId);
    await expect(
      orchestrator.run({ ...group, name: 'x' }, { identity: { jobId: 7 as unknown as string } }),
    ).rejects.toMatchObject({ code: 'USAGE', message: 'identity.jobId must be a text' });
  });
});
