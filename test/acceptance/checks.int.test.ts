/** Programs that are looked at: real servers, real commands beside them, and agents that are killed meanwhile. */
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Orchestrator, PublicEvent } from '../../src/api.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { eventsSoFar, Machine, until } from './rig.ts';

type Task = GroupSpecInput['tasks'][number];
type Check = NonNullable<Task['checks']>[number];
type CheckOf<T extends Check['type']> = Extract<Check, { type: T }>;

/** Answers 200 while a file is there, else 503. */
const SERVER = `
  const { existsSync } = require('node:fs');
  require('node:http').createServer((asked, answer) => {
    answer.statusCode = existsSync(process.env.GOOD) ? 200 : 503;
    answer.end(asked.url + ' ' + asked.headers['x-key'] + '\\n');
  }).listen(Number(process.env.PORT), '127.0.0.1');`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

let machine: Machine;
let port: number;
let good: string;
beforeEach(async () => {
  machine = new Machine();
  port = await freePort();
  good = join(machine.dataDir, 'good');
});
afterEach(() => machine.scrap());

const restart = { attempts: 2, interval: '10m', delay: '10ms', mode: 'fail' } as const;

function server(more: Partial<Task>): GroupSpecInput {
  const config = { command: process.execPath, args: ['-e', SERVER] };
  const env = { PORT: String(port), GOOD: good };
  return {
    name: 'web',
    tasks: [{ name: 'api', driver: 'raw_exec', config, env, restart, ...more }],
  };
}

function sleeper(more: Partial<Task>): GroupSpecInput {
  const config = { command: 'sleep', args: ['100000'] };
  return { name: 'web', tasks: [{ name: 'api', driver: 'raw_exec', config, restart, ...more }] };
}

const statusOf = ({ data }: PublicEvent): string | undefined =>
  (data as { readonly status?: string }).status;

function words(events: readonly PublicEvent[]): readonly string[] {
  return events
    .filter(({ task, type }) => task !== null && WORDS.has(type))
    .map((event) => {
      const status = statusOf(event);
      return status === undefined ? event.type : `${event.type} ${status}`;
    });
}
const WORDS = new Set([
  'TaskStarted',
  'ServiceRegistered',
  'ServiceDeregistered',
  'CheckChanged',
  'TaskKilling',
  'TaskExited',
  'TaskKilled',
  'TaskRestarting',
  'TaskNotRestarting',
]);

async function changes(agent: Orchestrator): Promise<readonly string[]> {
  const events = await eventsSoFar(agent, {});
  return events.filter(({ type }) => type === 'CheckChanged').map((event) => statusOf(event) ?? '');
}

describe('a program whose check fails', () => {
  it('is restarted in the fourteen steps of Nomad, each of them recorded in order', async () => {
    const agent = await machine.startAgent();
    const check = {
      type: 'http',
      name: 'test-restarts',
      interval: '200ms',
      timeout: '20s',
      checkRestart: { limit: 2, grace: '100ms' },
    } as const;
    const alloc = await agent.run(server({ services: [{ name: 'web', port, checks: [check] }] }));
    const { state, tasks } = await alloc.wait();
    expect([state, tasks[0]?.reason]).toEqual(['failed', expect.stringContaining('attempts 2')]);
    const told = await alloc.task('api').nomadEvents({ all: true });
    const again = ['Started', 'Restart Signaled', 'Terminated', 'Restarting'];
    expect(told.map(({ type }) => type)).toEqual([
      'Received',
      'Task Setup',
      ...again,
      ...again,
      ...again.slice(0, 3),
      'Not Restarting',
    ]);
    expect(told[3]?.displayMessage).toBe('healthcheck: check "test-restarts" unhealthy');
    const events = await eventsSoFar(agent, {});
    const life = [
      'TaskStarted',
      'ServiceRegistered',
      'CheckChanged critical',
      'ServiceDeregistered',
      'TaskKilling',
      'TaskExited',
      'TaskRestarting',
    ];
    const last = [...life.slice(0, 6), 'TaskNotRestarting'];
    expect(words(events)).toEqual([...life, ...life, ...last]);
    const attempts = events.filter(({ type }) => type === 'TaskRestarting');
    expect(attempts.map(({ data }) => data)).toMatchObject([
      { attempt: 1, isCounted: true },
      { attempt: 2, isCounted: true },
    ]);
    const [why] = await agent.why('web/api');
    const chain = why?.causes.map(({ type }) => type);
    expect(chain?.slice(0, 4)).toEqual([
      'TaskNotRestarting',
      'TaskExited',
      'TaskKilling',
      'CheckChanged',
    ]);
    const [registered] = events.filter(({ type }) => type === 'ServiceRegistered');
    expect(registered?.data).toEqual({
      service: 'web',
      address: '127.0.0.1',
      port,
      tags: [],
      meta: {},
    });
  });
});

const twice = (): string => join(machine.dataDir, 'twice');

/** Says so when it runs beside itself, then ends as `end` says. */
function alone(end: string): Pick<CheckOf<'script'>, 'type' | 'command' | 'args'> {
  const lock = join(machine.dataDir, 'lock');
  const script = `exec 9>${lock}; flock -n 9 || touch ${twice()}; ${end}`;
  return { type: 'script', command: 'sh', args: ['-c', script] };
}

describe('a check beside a program', () => {
  it('goes on under the next agent, which counts anew and records nothing twice', async () => {
    let agent = await machine.startAgent();
    const check = {
      ...alone('sleep 0.3; echo "no good"; exit 2'),
      name: 'alive',
      interval: '100ms',
      timeout: '20s',
      checkRestart: { limit: 4, grace: '100ms' },
    };
    const service = { name: 'web', port, checks: [check] };
    await agent.run(sleeper({ services: [service], restart: { ...restart, attempts: 0 } }));
    for (let kill = 1; kill <= 2; kill += 1) {
      await until('it is critical', async () => (await changes(agent)).length > 0);
      await machine.killAgent();
      agent = await machine.startAgent();
    }
    const { state } = await (await agent.alloc('web')).wait();
    expect(state).toBe('failed');
    const events = await eventsSoFar(agent, {});
    expect(words(events)).toEqual([
      'TaskStarted',
      'ServiceRegistered',
      'CheckChanged critical',
      'ServiceDeregistered',
      'TaskKilling',
      'TaskExited',
      'TaskNotRestarting',
    ]);
    const [changed] = events.filter(({ type }) => type === 'CheckChanged');
    expect(changed?.data).toEqual({
      check: 'alive',
      service: 'web',
      status: 'critical',
      output: 'exit code 2: no good\n',
    });
    expect(events.filter(({ type }) => type.startsWith('Session'))).toEqual([]);
    expect(existsSync(twice())).toBe(false);
  });

  it('that flaps is recorded whenever it changes, and restarts nothing by one bad result', async () => {
    const agent = await machine.startAgent();
    const check = { type: 'http', port, interval: '100ms', timeout: '20s' } as const;
    const checkRestart = { limit: 1000, grace: '0s' };
    const startPeriod = '60s';
    writeFileSync(good, '');
    await agent.run(server({ checks: [{ ...check, startPeriod, checkRestart }] }));
    const expected = ['passing', 'critical', 'passing', 'critical', 'passing'];
    for (const [index, status] of expected.entries()) {
      if (status === 'passing') writeFileSync(good, '');
      else rmSync(good);
      await until(`it is ${status}`, async () => (await changes(agent)).length > index);
    }
    expect(await changes(agent)).toEqual(expected);
    const { tasks } = await agent.inspect('web');
    expect(tasks[0]).toMatchObject({ run: 1, state: 'running' });
    const { checks } = await agent.health('web');
    expect(checks).toMatchObject([{ check: 'http check', status: 'passing', run: 1 }]);
    const shown = machine.holdfast('checks', '--json');
    expect([shown.status, JSON.parse(shown.stdout)]).toEqual([0, checks]);
  });

  it('that hangs is critical when its time is up, and delays no other', async () => {
    const agent = await machine.startAgent();
    const spans = { interval: '100ms', timeout: '300ms' };
    const checks = [
      { ...alone('sleep 100000'), ...spans, name: 'hangs' },
      { type: 'script', command: 'true', name: 'quick', interval: '100ms', timeout: '20s' },
    ] as const;
    await agent.run(sleeper({ checks: [...checks] }));
    await until('both have spoken', async () => (await changes(agent)).length === 2);
    const events = await eventsSoFar(agent, {});
    const said = events.filter(({ type }) => type === 'CheckChanged').map(({ data }) => data);
    expect(said).toContainEqual({
      check: 'hangs',
      status: 'critical',
      output: 'timed out after 0.3 s',
    });
    expect(said).toContainEqual({ check: 'quick', status: 'passing', output: '' });
    const { state } = await agent.stop('web');
    expect([state, existsSync(twice())]).toEqual(['stopped', false]);
  });
});
