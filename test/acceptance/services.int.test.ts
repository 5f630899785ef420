/** When others are told of a program, and when they are told no more of it. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Orchestrator, PublicEvent } from '../../src/api.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { eventsSoFar, Machine, until } from './rig.ts';

type Task = GroupSpecInput['tasks'][number];
type Check = NonNullable<Task['checks']>[number];

const CANARY = 'canary-61c0';
/** Ends by itself when it is told to, after what it was told to do. */
const config = { command: 'sh', args: ['-c', 'trap "exit 0" TERM; while :; do sleep 0.05; done'] };
const api = { name: 'api', driver: 'raw_exec', config } as const;

let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.scrap());

const shown = ({ type, data }: PublicEvent): string =>
  `${type} ${(data as { service?: string }).service ?? ''}`.trimEnd();

async function ends(agent: Orchestrator): Promise<readonly string[]> {
  const types = ['AllocStopping', 'ServiceDeregistered', 'TaskKilling', 'TaskExited'];
  return (await eventsSoFar(agent, { types })).map(shown);
}

describe('the services of a program', () => {
  it('are taken back before it is told to end: the group’s first, then its own', async () => {
    let agent = await machine.startAgent();
    const group: GroupSpecInput = {
      name: 'web',
      shutdownDelay: '1h',
      services: [{ name: 'all-of-it', tags: ['${NOMAD_TASK_NAME}'], meta: { run: '1' } }],
      tasks: [{ ...api, shutdownDelay: '1h', services: [{ name: 'own', port: 80 }] }],
    };
    await agent.run(group);
    const registered = await until('both are there', async () => {
      const found = await eventsSoFar(agent, { types: ['ServiceRegistered'] });
      return found.length === 2 && found.map(({ data }) => data);
    });
    const nothing = { tags: [], meta: {} };
    expect(registered).toEqual([
      { service: 'own', address: '127.0.0.1', port: 80, ...nothing },
      { service: 'all-of-it', address: '', tags: ['api'], meta: { run: '1' }, isGroups: true },
    ]);
    const { services } = await agent.health();
    expect(services.map(({ service, status }) => [service, status])).toEqual([
      ['own', null],
      ['all-of-it', null],
    ]);
    const pidNow = async () => (await agent.inspect('web')).tasks[0]?.pid;
    const pid = await pidNow();
    void agent.stop('web').catch(() => undefined);
    const begun = ['AllocStopping', 'ServiceDeregistered all-of-it'];
    await until('the group’s is gone', async () => (await ends(agent)).length === begun.length);
    expect(await ends(agent)).toEqual(begun);
    // The program is found running, and the group's service stays away.
    await machine.killAgent();
    agent = await machine.startAgent();
    expect([typeof pid, await pidNow()]).toEqual(['number', pid]);
    await agent.stop('web', { shutdownDelay: 'skip' });
    const types = ['ServiceRegistered'];
    expect(await eventsSoFar(agent, { types })).toHaveLength(2);
    const events = await ends(agent);
    expect(events.filter((one) => one !== 'AllocStopping')).toEqual([
      'ServiceDeregistered all-of-it',
      'ServiceDeregistered own',
      'TaskKilling',
      'TaskExited',
    ]);
  });

  const patient = { timeout: 240_000 };
  it('become others while it runs, also when the agent dies in the middle', patient, async () => {
    let agent = await machine.startAgent();
    const looked = (name: string): Check => ({
      type: 'script',
      name: 'alive',
      command: 'test',
      args: ['-e', join(machine.dataDir, name)],
      interval: '100ms',
      timeout: '20s',
    });
    const group = (services: Task['services'], checks: readonly Check[]): GroupSpecInput => ({
      name: 'web',
      tasks: [{ ...api, services, checks: [...checks] }],
    });
    const health = async () => {
      const { services, checks } = await agent.health();
      return [
        ...services.map(({ service, port }) => `${service} ${port}`).toSorted(),
        ...checks.map(({ check, status }) => `${check} ${status}`),
      ].join(', ');
    };
    const before = group(
      [
        { name: 'own', port: 80 },
        { name: 'old', port: 81 },
      ],
      [looked('never')],
    );
    const after = group(
      [
        { name: 'own', port: 8080 },
        { name: 'fresh', port: 82 },
      ],
      [looked('state')],
    );
    await agent.run(before);
    const isSo = (wanted: string) => async () => (await health()) === wanted;
    await until('it is known', isSo('old 81, own 80, alive warning'));
    const pidNow = async () => (await agent.inspect('web')).tasks[0]?.pid;
    const pid = await pidNow();
    expect(await agent.plan(after)).toMatchObject({ action: 'in-place' });
    await agent.run(after);
    await machine.killAgent();
    agent = await machine.startAgent();
    await until('it is known otherwise', isSo('fresh 82, own 8080, alive passing'));
    await until('it is recorded', async () => {
      return (await eventsSoFar(agent, { types: ['UpdateCompleted'] })).length === 1;
    });
    // What went may come back, and what nobody asks for any more is looked at no more.
    await agent.run(group([{ name: 'old', port: 81 }], []));
    await until('it is back', isSo('old 81'));
    await agent.run(before);
    await until('it is all as before', isSo('old 81, own 80, alive warning'));
    expect(await pidNow()).toBe(pid);
    const types = ['TaskKilling', 'HookFailed'];
    expect(await eventsSoFar(agent, { types })).toEqual([]);
  });

  it('are told of when their checks have passed, if they say so', async () => {
    const agent = await machine.startAgent();
    const good = join(machine.dataDir, 'good');
    const check = {
      type: 'script' as const,
      command: 'test',
      args: ['-e', good],
      interval: '100ms',
      timeout: '20s',
    } satisfies Check;
    const services = [{ name: 'web', onReady: true, checks: [check] }];
    await agent.run({ name: 'web', tasks: [{ ...api, services }] });
    const types = ['CheckChanged', 'ServiceRegistered'];
    const told = async () =>
      (await eventsSoFar(agent, { types })).map(({ type, data }) => {
        const { status = '' } = data as { status?: string };
        return `${type} ${status}`.trimEnd();
      });
    await until('it was looked at', async () => (await told()).length > 0);
    expect(await told()).toEqual(['CheckChanged warning']);
    writeFileSync(good, '');
    await until('it is there', async () => (await told()).length > 2);
    rmSync(good);
    await until('it is not well', async () => (await told()).length > 3);
    expect(await told()).toEqual([
      'CheckChanged warning',
      'CheckChanged passing',
      'ServiceRegistered',
      'CheckChanged warning',
    ]);
    expect(existsSync(good)).toBe(false);
  });

  it('and what is said of them hold no secret of the task', async () => {
    process.env['CANARY_OF_CHECKS'] = CANARY;
    const agent = await machine.startAgent('--secret-env', 'CANARY_OF_CHECKS');
    delete process.env['CANARY_OF_CHECKS'];
    const key = 'CANARY_OF_CHECKS';
    const secrets: Task['secrets'] = [{ name: 'token', provider: 'env', key, env: 'TOKEN' }];
    const script = (text: string): Check => {
      return {
        type: 'script',
        command: 'sh',
        args: ['-c', text],
        interval: '100ms',
        timeout: '20s',
      };
    };
    const checks = [script('echo "it is $TOKEN"')];
    await agent.run({ name: 'web', tasks: [{ ...api, secrets, checks }] });
    const [changed] = await until('it has spoken', async () => {
      const found = await eventsSoFar(agent, { types: ['CheckChanged'] });
      return found.length > 0 && found;
    });
    expect(changed?.data).toMatchObject({ status: 'passing', output: 'it is [secret]\n' });
    // Neither a name that all see nor the arguments of a check may hold it.
    const wrong: Readonly<Record<string, Partial<Task>>> = {
      named: { services: [{ name: '${TOKEN}' }] },
      argued: { checks: [script('echo ${TOKEN}')] },
    };
    for (const [name, more] of Object.entries(wrong)) {
      const task = { ...api, restart: { attempts: 0 }, secrets, ...more };
      const { state, tasks } = await (await agent.run({ name, tasks: [task] })).wait();
      expect([state, tasks[0]?.reason]).toEqual(['failed', expect.stringContaining('"token"')]);
    }
    await agent.stop('web');
    expect(JSON.stringify(await eventsSoFar(agent, {}))).not.toContain(CANARY);
  });
});
