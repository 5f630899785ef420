/** What the driver of a task says, makes and undoes, over the life of an agent and into that of the next. */
import { describe, expect, it } from 'vitest';
import type { Driver, DriverDoors, EndedTask } from '../../src/drivers/driver.ts';
import type { Holding } from '../../src/drivers/holdings.ts';
import { HoldfastError } from '../../src/errors.ts';
import { mockDriver } from '../../src/testing/index.ts';
import { eventually, MockAgent } from './mock-agent.ts';

const NETWORK = { ip: '172.17.0.5', ports: { web: 8080 }, isAdvertised: true };
const IMAGE = { kind: 'image', id: 'busybox:1' };
const BOX = { kind: 'container', id: 'holdfast-1' };

/** The mock driver, with something done before each start. */
function driverOf(
  agent: MockAgent,
  before: (doors: DriverDoors) => void | Promise<void>,
  more: Partial<Driver> = {},
): Driver {
  const mock = mockDriver(agent.world);
  return {
    ...mock,
    async start(run, doors, signal) {
      await before(doors);
      return mock.start(run, doors, signal);
    },
    ...more,
  };
}

async function ofTypes(agent: MockAgent, ref: string, ...types: string[]) {
  const events = await agent.events(ref);
  return events.filter(({ type }) => types.includes(type)).map(({ type, data }) => [type, data]);
}

describe('the network that a driver made', () => {
  it('is recorded with the start, shown while the program runs, and known to the next agent', async () => {
    const agent = new MockAgent();
    const mock = mockDriver(agent.world);
    const making: Driver = {
      ...mock,
      async start(run, doors, signal) {
        const outcome = await mock.start(run, doors, signal);
        return outcome.kind === 'started' ? { ...outcome, network: NETWORK } : outcome;
      },
    };
    await agent.open({ drivers: [making] });
    await agent.start('web');
    expect(await agent.until('web', 'running')).toMatchObject({ network: NETWORK });
    const started = await ofTypes(agent, 'web', 'TaskStarted');
    expect(started).toMatchObject([['TaskStarted', { pid: expect.any(Number), network: NETWORK }]]);
    await agent.reopen();
    expect(await agent.view('web')).toMatchObject({ state: 'running', network: NETWORK });
    await agent.orchestrator.stop('web');
    expect(await agent.view('web')).toMatchObject({ state: 'stopped', network: null });
  });

  it('is recorded by an agent that found the start of another', async () => {
    const agent = new MockAgent();
    const mock = mockDriver(agent.world);
    const hanging = driverOf(agent, () => undefined, {
      async start(run, doors, signal) {
        await mock.start(run, doors, signal);
        return new Promise((_, no) =>
          signal.addEventListener('abort', () => no(new Error('left'))),
        );
      },
    });
    await agent.open({ drivers: [hanging] });
    await agent.start('web');
    await eventually(() => expect(agent.world.runs('web')).toHaveLength(1));
    const finding: Driver = {
      ...mock,
      inspect: async (run, doors) => ({ ...(await mock.inspect(run, doors)), network: NETWORK }),
    };
    await agent.reopen({ drivers: [finding] });
    expect(await agent.until('web', 'running')).toMatchObject({ network: NETWORK, run: 1 });
  });
});

describe('what a driver says', () => {
  it('is recorded in the stream of the task, cut to size', async () => {
    const agent = new MockAgent();
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`k${n}`, 'v']));
    const driver = driverOf(agent, ({ task }) => {
      task.emit('pull', 'x'.repeat(5_000), many);
      task.emit('pull', `${task.labels['group']}/${task.labels['task']}`);
    });
    await agent.open({ drivers: [driver] });
    await agent.start('web');
    await agent.until('web', 'running');
    const said = await ofTypes(agent, 'web', 'DriverMessage');
    const [long, short] = said.map(([, data]) => data as { message: string; details: object });
    const { message = '', details = {} } = long ?? {};
    expect([message.length, Object.keys(details).length]).toEqual([1_024, 16]);
    expect(short).toEqual({ type: 'pull', message: 'web/web', details: {} });
  });

  it('is 16 messages at once and one a second, and the end of the run tells how many were more', async () => {
    const agent = new MockAgent();
    let task: DriverDoors['task'] | undefined;
    const driver = driverOf(agent, (doors) => void (task = doors.task));
    await agent.open({ drivers: [driver] });
    await agent.start('web');
    await agent.until('web', 'running');
    for (let n = 0; n < 20; n += 1) task?.emit('n', String(n));
    await agent.clock.advance('2s');
    for (let n = 20; n < 25; n += 1) task?.emit('n', String(n));
    await agent.orchestrator.stop('web');
    const said = await ofTypes(agent, 'web', 'DriverMessage');
    const texts = said.map(([, data]) => (data as { message: string }).message);
    const first = Array.from({ length: 16 }, (_, n) => String(n));
    expect(texts).toEqual([...first, '20', '21', '7 more messages were left out']);
  });

  it('is never more than 65 messages of one run, and the next run has as many again', async () => {
    const agent = new MockAgent();
    let task: DriverDoors['task'] | undefined;
    await agent.open({ drivers: [driverOf(agent, (doors) => void (task = doors.task))] });
    await agent.start('web');
    for (const run of [1, 2]) {
      await eventually(async () => {
        expect(await agent.view('web')).toMatchObject({ state: 'running', run });
      });
      for (let n = 0; n < 100; n += 1) {
        task?.emit('n', `${run}`);
        await agent.clock.advance('1s');
      }
      if (run === 1) await agent.orchestrator.restart('web');
    }
    await agent.orchestrator.stop('web');
    const events = await agent.events('web');
    const counts = [1, 2].map(
      (run) => events.filter((event) => event.type === 'DriverMessage' && event.run === run).length,
    );
    expect(counts).toEqual([65, 65]);
  });
});

describe('what a driver made', () => {
  it('is recorded before it is used, once, and undone when the task is over', async () => {
    const agent = new MockAgent();
    const asked: [readonly Holding[], string][] = [];
    const driver = driverOf(
      agent,
      async ({ holdings }) => {
        await holdings.record(IMAGE);
        await holdings.record(IMAGE);
        await holdings.record(BOX);
        expect(holdings.current()).toEqual([
          { ...IMAGE, run: 1 },
          { ...BOX, run: 1 },
        ]);
      },
      {
        async cleanUp(things, of: EndedTask, { holdings }) {
          asked.push([things, of.task.name]);
          for (const thing of things) await holdings.forget(thing);
        },
      },
    );
    await agent.open({ drivers: [driver] });
    await agent.start('web');
    await agent.until('web', 'running');
    await agent.orchestrator.stop('web');
    const types = ['RunStarting', 'HoldingRecorded', 'TaskStarted', 'TaskExited'];
    expect(await ofTypes(agent, 'web', ...types, 'HoldingForgotten', 'CleanupCompleted')).toEqual([
      ['RunStarting', expect.anything()],
      ['HoldingRecorded', IMAGE],
      ['HoldingRecorded', BOX],
      ['TaskStarted', expect.anything()],
      ['TaskExited', expect.anything()],
      ['HoldingForgotten', IMAGE],
      ['HoldingForgotten', BOX],
      ['CleanupCompleted', {}],
    ]);
    expect(asked).toEqual([
      [
        [
          { ...IMAGE, run: 1 },
          { ...BOX, run: 1 },
        ],
        'web',
      ],
    ]);
  });

  it('is undone by an agent that never saw a start, and asked for until it succeeds', async () => {
    const agent = new MockAgent();
    const first = driverOf(agent, ({ holdings }) => holdings.record(IMAGE));
    await agent.open({ drivers: [first] });
    await agent.start('web');
    await agent.until('web', 'running');
    let asked = 0;
    const second: Driver = {
      ...mockDriver(agent.world),
      async cleanUp([thing], _of, { holdings }) {
        asked += 1;
        if (asked < 4) throw new TypeError('the engine is away');
        await holdings.forget(thing as Holding);
      },
    };
    await agent.reopen({ drivers: [second] });
    const stopping = agent.orchestrator.stop('web');
    await eventually(async () => {
      await agent.clock.advance('1s');
      expect(asked).toBe(4);
    });
    await stopping;
    expect(await ofTypes(agent, 'web', 'DriverMessage', 'HoldingForgotten')).toEqual([
      [
        'DriverMessage',
        { type: 'cleanup', message: 'cannot be undone now: the engine is away', details: {} },
      ],
      ['HoldingForgotten', IMAGE],
    ]);
  });

  it('is told of when nobody is there any more who could undo it', async () => {
    const agent = new MockAgent();
    await agent.open({ drivers: [driverOf(agent, ({ holdings }) => holdings.record(BOX))] });
    await agent.start('web');
    await agent.until('web', 'running');
    const unable: { -readonly [K in keyof Driver]: Driver[K] } = mockDriver(agent.world);
    delete unable.cleanUp;
    await agent.reopen({ drivers: [unable] });
    await agent.orchestrator.stop('web');
    expect(await ofTypes(agent, 'web', 'DriverMessage', 'CleanupCompleted')).toEqual([
      [
        'DriverMessage',
        { type: 'left', message: 'nobody undoes container holdfast-1', details: {} },
      ],
      ['CleanupCompleted', {}],
    ]);
  });

  it('cannot be recorded of a task that is over, nor beyond 256 things', async () => {
    const agent = new MockAgent();
    let holdings: DriverDoors['holdings'] | undefined;
    const driver = driverOf(agent, (doors) => void (holdings = doors.holdings));
    await agent.open({ drivers: [driver] });
    await agent.start('web');
    await agent.until('web', 'running');
    for (let n = 0; n < 256; n += 1) await holdings?.record({ kind: 'volume', id: String(n) });
    const refusal = async (kind: string): Promise<unknown> =>
      holdings?.record({ kind, id: 'new' }).catch((error: unknown) => error);
    const tooMany = await refusal('volume');
    expect(tooMany).toBeInstanceOf(HoldfastError);
    expect(tooMany).toMatchObject({ code: 'WRONG_STATE' });
    for (let n = 0; n < 256; n += 1) await holdings?.forget({ kind: 'volume', id: String(n) });
    await agent.orchestrator.stop('web');
    expect(await refusal('image')).toMatchObject({
      code: 'WRONG_STATE',
      message: 'the task is dead and takes no image',
    });
  });
});
