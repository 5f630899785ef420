/** What holds for an orchestrator wherever it is: one suite, in process and through a socket. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectOrchestrator } from '../../src/client/connect-orchestrator.ts';
import { serveAgent } from '../../src/server/agent-service.ts';
import { PACKAGE_VERSION } from '../../src/version.ts';
import { FakeOrchestrator, STORE_ID } from './fake-orchestrator.ts';
import type { Orchestrator, PublicEvent } from '../../src/api.ts';
import type { Listener } from '../../src/rpc/unix-socket.ts';

const group = { name: 'web', tasks: [{ name: 'api', driver: 'raw_exec' }] };

let fake: FakeOrchestrator;
let dataDir: string;
let listener: Listener | undefined;
let orchestrator: Orchestrator;
let isShutDown = false;

async function overSocket(): Promise<Orchestrator> {
  listener = await serveAgent({
    orchestrator: fake,
    dataDir,
    onShutdown: () => {
      isShutDown = true;
    },
  });
  return connectOrchestrator({ dataDir });
}

beforeEach(async () => {
  fake = new FakeOrchestrator();
  dataDir = await mkdtemp(join(tmpdir(), 'holdfast-client-'));
});
afterEach(async () => {
  await orchestrator.close();
  await listener?.close();
  listener = undefined;
  await rm(dataDir, { recursive: true, force: true });
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe.each([
  ['in process', async () => fake],
  ['over a socket', overSocket],
])('an orchestrator %s', (_title, open) => {
  beforeEach(async () => {
    orchestrator = await open();
  });

  it('plans for the alloc of a name, or for the one that is named', async () => {
    const { allocId } = await orchestrator.run(group, { allocId: 'own' });
    expect(await orchestrator.plan(group)).toMatchObject({ allocId, action: 'restart' });
    expect(await orchestrator.plan(group, { allocId })).toMatchObject({ allocId, version: 1 });
    const other = await orchestrator.plan(group, { allocId: 'other' });
    expect(other).toMatchObject({ allocId: null, version: 0, action: 'create' });
  });

  it('says what its recovery found', () => {
    expect(orchestrator.recovery).toEqual(fake.recovery);
  });

  it('tells the environment of a task, and no value that must not be shown', async () => {
    const handle = await orchestrator.run(group, { allocId: 'given' });
    const none = { from: null, written: null, hash: null, secrets: [], overrode: [] };
    const secret = { name: 'PASS', value: null, layer: 'hook', from: 'secrets', secrets: ['db'] };
    const overrode = [
      { layer: 'hook', from: 'other', value: null },
      { layer: 'task', from: null, value: 'x' },
    ];
    fake.variables = [
      { ...none, name: 'A', value: '', layer: 'task', written: '${B}' },
      { ...none, ...secret, hash: 'h1', overrode },
    ];
    expect(await handle.task('api').env()).toEqual(await fake.env('given/api'));
    expect((await orchestrator.env('given/api')).variables).toEqual(fake.variables);
    await expect(orchestrator.env('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('tells services and checks, with all that they leave out', async () => {
    const place = { alloc: 'given', allocId: 'given-1', task: 'api', run: 2 };
    const web = { service: 'web', address: '::1', port: 80, tags: ['a'], meta: { b: 'c' } };
    const bare = { service: 'all', address: '', port: null, tags: [], meta: {} };
    const check = { check: 'alive', type: 'http', output: 'ok\n' } as const;
    const since = '2026-11-22T18:00:00.000Z';
    fake.healthOfAll = {
      services: [
        { ...place, ...web, isGroups: false, status: 'passing' },
        { ...place, ...bare, isGroups: true, status: null },
      ],
      checks: [
        { ...place, ...check, service: 'web', status: 'passing', since },
        { ...place, ...check, service: null, status: 'pending', since: null },
      ],
    };
    expect(await orchestrator.health()).toEqual(fake.healthOfAll);
    await expect(orchestrator.health('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('hands over what drivers had counted', async () => {
    expect(await orchestrator.counts()).toEqual([]);
    const labels = { node: 'here', task: 'web' };
    fake.counted = [
      { metric: 'pulled_bytes_total', labels, value: 5_000_000_000 },
      { metric: 'pulls_total', labels: {}, value: 1.5 },
    ];
    expect(await orchestrator.counts()).toEqual(fake.counted);
  });

  it('hands over what a scheduler calls an alloc, and nothing when there is nothing', async () => {
    const identity = { jobId: 'j', namespace: 'n', allocIndex: 0 };
    await orchestrator.run(group, { allocId: 'first', identity });
    await orchestrator.run({ ...group, name: 'other' }, { allocId: 'second' });
    expect(fake.identities).toEqual([identity, undefined]);
  });

  it('says who the agent is', async () => {
    expect(await orchestrator.agent()).toEqual(await fake.agent());
  });

  it('runs a command beside a task, with its output told apart and its own end', async () => {
    const handle = await orchestrator.run(group, { allocId: 'given' });
    const options = { env: { A: 'b' }, user: 'ann', terminal: { columns: 80, rows: 24 } };
    const session = await handle.task('api').exec(['cat', '-'], { ...options, actor: 'me' });
    expect([session.allocId, session.task, session.inputOffset]).toEqual(['given', 'api', 0]);
    await session.write('hello');
    await session.write('AGAIN');
    await session.resize({ columns: 100, rows: 30 });
    await session.signal('SIGINT');
    await session.end();
    const chunks = await collect(session.output);
    const text = chunks.map(({ stream, data, offset }) => [stream, String(data), offset]);
    expect(text).toEqual([
      ['stdout', 'hello', 5],
      ['stderr', 'AGAIN', 10],
    ]);
    expect(await session.exit).toEqual({ exitCode: 7, signal: null, reason: 'exited' });
    expect(fake.session?.calls).toEqual(['resize 100 30', 'signal SIGINT']);
    expect(fake.calls[0]).toContain('"terminal":{"columns":80,"rows":24}');
  });

  it('refuses a command that cannot be run with its code', async () => {
    await orchestrator.run(group, { allocId: 'given' });
    const refused = await rejection(orchestrator.exec('given/api', ['nothing']));
    expect(refused).toMatchObject({ code: 'COMMAND_NOT_FOUND' });
    const unknown = await rejection(orchestrator.attach('session-9'));
    expect(unknown).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('hangs a command up when its session is disposed of, and leaves it when detached', async () => {
    await orchestrator.run(group, { allocId: 'given' });
    const first = await orchestrator.exec('given/api', ['cat']);
    await first.detach();
    const session = await orchestrator.attach(first.id, { after: 0 });
    await session[Symbol.asyncDispose]();
    expect(await session.exit).toMatchObject({ signal: 'SIGHUP', reason: 'closed' });
  });

  it('runs a group and gives a handle whose views name the position', async () => {
    const handle = await orchestrator.run(group, { allocId: 'given' });
    expect(handle).toMatchObject({ allocId: 'given', alloc: 'web' });
    expect(await handle.view()).toEqual(await fake.inspect('given'));
    expect(await handle.task('api').view()).toMatchObject({ pid: 4182, exitCode: null });
    expect(await orchestrator.allocs()).toHaveLength(1);
  });

  it('refuses a wrong group with every mistake', async () => {
    const wrong = { ...group, colour: 'red' } as typeof group;
    expect(await rejection(orchestrator.run(wrong))).toMatchObject({
      code: 'SPEC_INVALID',
      message: 'colour is not a known key.',
      details: { issues: [{ path: 'colour' }] },
    });
  });

  it('keeps code and details of every error', async () => {
    await orchestrator.run(group, { allocId: 'a-1' });
    await orchestrator.run({ ...group, name: 'db' }, { allocId: 'a-2' });
    expect(await rejection(orchestrator.alloc('a'))).toMatchObject({
      code: 'AMBIGUOUS',
      details: { matches: ['a-1', 'a-2'] },
    });
    expect(await rejection(orchestrator.inspect('no'))).toMatchObject({ code: 'NOT_FOUND' });
    const noTask = (await orchestrator.alloc('web')).task('no');
    expect(await rejection(noTask.view())).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('stops, and leaves finished allocs to those who ask for all', async () => {
    const handle = await orchestrator.run(group);
    const ended = handle.wait();
    const taskEnded = handle.task('api').wait();
    expect(await handle.stop({ reason: 'enough' })).toMatchObject({
      state: 'stopped',
      reason: 'enough',
    });
    expect(await ended).toMatchObject({ state: 'stopped', isLive: false });
    expect(await taskEnded).toMatchObject({ task: 'api', state: 'stopped' });
    expect(await orchestrator.allocs()).toEqual([]);
    expect(await orchestrator.allocs({ all: true })).toHaveLength(1);
  });

  it('lets go of what has ended, and says by which rule', async () => {
    await orchestrator.run(group, { allocId: 'x' });
    const told = { alloc: 'web', allocId: 'x', state: 'failed', rule: 'disk' } as const;
    const entries = [
      { ...told, endedAt: null, outcome: 'stuck', reason: 'EBUSY' },
      { ...told, endedAt: '2026-01-02T03:04:05.678Z', outcome: 'removed', reason: '' },
    ] as const;
    fake.gcReport = { entries, diskPercent: 81.5, inodePercent: 0 };
    expect(await orchestrator.gc()).toEqual(fake.gcReport);
    await orchestrator.gc({ ref: 'web', dryRun: true });
    await orchestrator.gc({ all: true });
    expect(fake.calls).toEqual(['gc - false false', 'gc web false true', 'gc - true false']);
    expect(await rejection(orchestrator.gc({ ref: 'no' }))).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('signals, restarts and resumes', async () => {
    const handle = await orchestrator.run(group, { allocId: 'x' });
    const task = handle.task('api');
    await task.signal('SIGHUP');
    await task.restart();
    await task.resume();
    await orchestrator.restart('web');
    await handle.restart({ tasks: 'all' });
    await handle.resume();
    expect(fake.calls).toEqual([
      'signal x/api SIGHUP',
      'restart x/api',
      'resume x/api',
      'restart web',
      'restart all of x',
      'resume x',
    ]);
  });

  it('stops without its shutdown delays when asked to', async () => {
    await orchestrator.run(group);
    await orchestrator.stop('web', { shutdownDelay: 'skip' });
    expect(fake.calls).toEqual(['hurry web']);
  });

  it('shows the past', async () => {
    await orchestrator.run(group);
    expect(await orchestrator.inspect('web', { at: 1 })).toMatchObject({ position: 1 });
  });

  it('tells the past out of its events, whoever asks', async () => {
    const handle = await orchestrator.run(group, { allocId: 'given' });
    fake.add('HostLost', { data: { hostId: 'h', kind: 'executor', reason: 'killed' } });
    const about = { alloc: 'web', allocId: 'given', task: 'api', run: 1 };
    fake.add('TaskLost', { ...about, data: { reason: 'nobody saw it end', maybeRan: true } });
    const [chain] = await orchestrator.why('web/api');
    expect(chain).toMatchObject({ alloc: 'web', allocId: 'given', task: 'api' });
    expect(chain?.causes.map(({ type }) => type)).toEqual(['TaskLost', 'HostLost']);
    expect(await orchestrator.history('web')).toEqual(await fake.history('web'));
    const told = await handle.task('api').nomadEvents();
    expect(told.map(({ type }) => type)).toEqual(['Started', 'Failed Restoring Task']);
  });

  it('gives events behind a position, up to the head', async () => {
    for (let i = 0; i < 1000; i += 1) fake.add('Tick', { data: { i, text: 'é' } });
    const events = await collect(orchestrator.events({ after: 2, until: 'head' }));
    expect(events).toEqual(fake.log.slice(2));
  });

  it('gives only events of the types and of the alloc that were asked for', async () => {
    await orchestrator.run(group);
    fake.add('Tick');
    const types = ['TaskStarted', 'Tick'];
    const ofAlloc = await collect(orchestrator.events({ until: 'head', types, ref: 'web' }));
    expect(ofAlloc.map(({ type }) => type)).toEqual(['TaskStarted']);
  });

  it('gives what comes to those who follow, and ends quietly when they abort', async () => {
    fake.add('Old');
    const left = new AbortController();
    const seen: string[] = [];
    for await (const event of orchestrator.events({ after: 0, signal: left.signal })) {
      seen.push(event.type);
      if (event.type === 'Old') fake.add('New');
      else left.abort();
    }
    expect(seen).toEqual(['Old', 'New']);
  });

  it('refuses a position past the head', async () => {
    const asked = collect(orchestrator.events({ after: 99 }));
    expect(await rejection(asked)).toMatchObject({
      code: 'POSITION_AHEAD',
      details: { head: 0, storeId: STORE_ID },
    });
  });

  it('gives the same events as an Observable', async () => {
    fake.add('One');
    fake.add('Two');
    const seen: PublicEvent[] = [];
    await new Promise<void>((resolve) => {
      orchestrator.events$({ until: 'head' }).subscribe({
        next: (event) => seen.push(event),
        complete: resolve,
      });
    });
    expect(seen).toEqual(fake.log);
  });

  it('tells what tasks use, and leaves out what cannot be had', async () => {
    const handle = await orchestrator.run(group);
    const names = { alloc: 'web', allocId: handle.allocId, task: 'api', run: 1 };
    const cpu = { totalNs: 2 ** 54, userNs: 3, systemNs: 4, percent: 12.5 };
    const one = { pid: 7, command: 'sh', userNs: 1, systemNs: 2, percent: 3, rssBytes: 4 };
    const time = '2026-01-02T03:04:05.678Z';
    const rest = { io: { readBytes: 0 }, pids: 2, threads: 3, processes: [one] };
    const sample = { ...names, time, cpu, memory: { rssBytes: 4_096 }, ...rest };
    fake.samples.push(sample, { ...sample, run: 2 });
    const query = { intervalMs: 250, processes: true };
    expect(await collect(handle.task('api').stats(query))).toEqual(fake.samples);
    expect(fake.calls.at(-1)).toBe(`stats ${handle.allocId}/api 250 true`);
    await expect(collect(orchestrator.stats('nobody'))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const left = new AbortController();
    const seen = [];
    for await (const { run } of orchestrator.stats(undefined, { signal: left.signal })) {
      seen.push(run);
      if (run === 2) left.abort();
    }
    expect(seen).toEqual([1, 2]);
  });

  it('gives output by stream and behind a cursor', async () => {
    const handle = await orchestrator.run(group);
    const chunk = (stream: 'stdout' | 'stderr', text: string, cursor: string) => ({
      stream,
      data: Buffer.from(text),
      cursor,
      run: 1,
      time: '2026-01-01T00:00:00.000Z',
    });
    fake.output.set('web/api', [chunk('stdout', 'a', '1'), chunk('stderr', 'é', '2')]);
    expect(await collect(handle.task('api').logs())).toHaveLength(2);
    expect(await collect(orchestrator.logs('web', { stream: 'stderr' }))).toMatchObject([
      { stream: 'stderr', cursor: '2', data: Buffer.from('é') },
    ]);
    expect(await collect(orchestrator.logs('web/api', { after: '1' }))).toHaveLength(1);
  });

  it('asks for a part of the output, and tells what is missing of it', async () => {
    await orchestrator.run(group);
    const none = { stream: 'stdout', data: Buffer.alloc(0), run: 0, time: null } as const;
    const gaps = [
      { ...none, cursor: '1', gap: { reason: 'budget', bytes: 0 } },
      { ...none, cursor: '2', gap: { reason: 'rotated', bytes: null } },
    ] as const;
    fake.output.set('web/api', [...gaps]);
    const time = { since: new Date(5), until: new Date(2_000) };
    const query = { stream: 'stdout', follow: false, run: 'last', tail: 0, ...time } as const;
    expect(await collect(orchestrator.logs('web', query))).toEqual(gaps);
    for (const more of [{ run: 3 }, { origin: 'end', offset: 7 }, { offset: 7 }] as const) {
      await collect(orchestrator.logs('web', more));
    }
    expect(
      fake.calls.map((call) => JSON.parse(call.replace(/^logs /, '')) as unknown),
    ).toMatchObject([
      JSON.parse(JSON.stringify(query)),
      { run: 3 },
      { origin: 'end', offset: 7 },
      { offset: 7 },
    ]);
  });

  it.each([
    { tail: 1.5 },
    { tail: -1 },
    { tail: Number.NaN },
    { offset: 0.5 },
    { run: 0 },
    { run: -1 },
    { run: 'first' },
    { since: new Date(Number.NaN) },
    { until: 'tomorrow' },
    { stream: 'stdin' },
    { origin: 'middle' },
    { after: '' },
  ])('refuses a query of output that makes no sense: %j', async (query) => {
    await orchestrator.run(group);
    const asking = collect(orchestrator.logs('web/api', query as object));
    expect(await rejection(asking)).toMatchObject({ code: 'USAGE' });
  });

  it('takes the beginning of 1970 for a time', async () => {
    await orchestrator.run(group);
    await collect(orchestrator.logs('web/api', { until: new Date(0) }));
    expect(fake.calls.at(-1)).toContain('"until":"1970-01-01T00:00:00.000Z"');
  });

  it('rejects a wait that is aborted', async () => {
    const handle = await orchestrator.run(group);
    const left = new AbortController();
    const waiting = rejection(handle.wait({ signal: left.signal }));
    left.abort();
    expect(await waiting).toMatchObject({ code: 'ABORTED' });
  });
});

describe('a connection to an agent', () => {
  beforeEach(async () => {
    orchestrator = await overSocket();
  });

  it('goes through a socket that nobody else can use', async () => {
    const { mode } = await stat(join(dataDir, 'agent.sock'));
    expect(mode & 0o777).toBe(0o600);
  });

  it('leaves the agent alone when it closes, and is closed then', async () => {
    await orchestrator.close();
    expect(fake.closed).toBeUndefined();
    expect(await rejection(orchestrator.allocs())).toMatchObject({ code: 'CLOSED' });
  });

  it('ends what follows when it closes', async () => {
    const following = collect(orchestrator.events());
    await orchestrator.close();
    expect(await following).toEqual([]);
  });

  it('ends the agent when it is closed with a word about the tasks', async () => {
    await orchestrator.close({ tasks: 'leave' });
    expect(fake.closed).toBe('leave');
    await expect.poll(() => isShutDown).toBe(true);
  });

  it('is refused at once where there is no agent, or no way to one', async () => {
    const nothing = connectOrchestrator({ dataDir: join(dataDir, 'nothing') });
    expect(await rejection(nothing)).toMatchObject({ code: 'UNAVAILABLE' });
    const throughFile = connectOrchestrator({ socket: join(import.meta.filename, 'agent.sock') });
    expect(await rejection(throughFile)).toMatchObject({ code: 'UNAVAILABLE' });
    const tooLong = connectOrchestrator({ dataDir: join(dataDir, 'x'.repeat(100)) });
    expect(await rejection(tooLong)).toMatchObject({ code: 'DATA_DIR_REFUSED' });
  });

  it('says which agent is gone', async () => {
    await listener?.close();
    expect(await rejection(orchestrator.allocs())).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(join(dataDir, 'agent.sock')) as unknown,
    });
  });

  it('does not read ahead of a reader that has stopped', async () => {
    const text = 'x'.repeat(4096);
    for (let i = 0; i < 5000; i += 1) fake.add('Tick', { data: text });
    const events = orchestrator.events()[Symbol.asyncIterator]();
    await events.next();
    let before = -1;
    // 20 MB are there; what was taken stands still long before that.
    await expect
      .poll(
        () => {
          const isStill = fake.taken === before;
          before = fake.taken;
          return isStill;
        },
        { interval: 100 },
      )
      .toBe(true);
    expect(fake.taken * 4096).toBeLessThan(3 * 1024 * 1024);
    await events.return?.();
  });

  it('delivers the events before an error', async () => {
    fake.add('One');
    const broken = async function* (): AsyncGenerator<PublicEvent> {
      yield fake.log[0] as PublicEvent;
      throw new Error('the disk is gone');
    };
    fake.events = broken;
    const events = orchestrator.events()[Symbol.asyncIterator]();
    expect((await events.next()).value).toMatchObject({ type: 'One' });
    expect(await rejection(events.next())).toMatchObject({
      code: 'INTERNAL',
      message: 'the disk is gone',
    });
  });
});

describe('who asks over a socket', () => {
  it('is known by what the kernel says of the other end, and by whom he says to ask for', async () => {
    orchestrator = await overSocket();
    await orchestrator.as('nightly Ø').run(group);
    await orchestrator.stop('web');
    const own = {
      via: 'socket',
      name: userInfo().username,
      uid: process.getuid?.(),
      pid: process.pid,
      client: `holdfast/${PACKAGE_VERSION}`,
    };
    expect(fake.actors).toEqual([{ ...own, onBehalfOf: 'nightly Ø' }, own]);
  });

  it('is known when a command beside a task is asked for', async () => {
    orchestrator = await overSocket();
    await orchestrator
      .as('somebody')
      .exec('web', ['id'])
      .catch(() => undefined);
    expect(fake.actors.map(({ pid, onBehalfOf }) => [pid, onBehalfOf])).toEqual([
      [process.pid, 'somebody'],
    ]);
  });
});
