/** Every call of the engine, broken in every way: each program runs once, and nothing of it is left. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { dockerAgent, lasting, recorded, timesRun, untilRecorded } from './docker-agent.ts';
import { EngineRig, whyNoEngine } from './engine-rig.ts';
import { type Fault, FaultySocket } from './faulty-socket.ts';

const CALLS: readonly (readonly [name: string, method: string, path: RegExp])[] = [
  ['create', 'POST', /^\/containers\/create/],
  ['start', 'POST', /\/start$/],
  ['inspect', 'GET', /^\/containers\/[^/]+\/json$/],
  ['wait', 'POST', /\/wait$/],
  ['kill', 'POST', /\/kill\?/],
  ['remove', 'DELETE', /^\/containers\//],
];
const FAULTS: readonly Fault[] = [
  'error before',
  'error after',
  'hang before',
  'hang after',
  'cut',
];
const CASES = CALLS.flatMap(([name, method, path]) =>
  FAULTS.map((fault) => [name, fault, method, path] as const),
);
const patience = { timeout: 20_000 };
const missing = whyNoEngine();

describe.skipIf(missing !== undefined)(`broken calls of an engine ${missing ?? ''}`, () => {
  let engine: EngineRig;
  beforeAll(async () => {
    engine = await EngineRig.open();
  });
  afterAll(() => engine.close());

  // A wait that nobody answers has no time limit, on purpose: its end is that of the connection.
  const ended = CASES.filter(([name, fault]) => name !== 'wait' || !fault.startsWith('hang'));

  it.each(ended)(
    '%s, %s: the program ran once, and nothing is left',
    async (...[name, fault, method, path]) => {
      const proxy = await FaultySocket.open(
        join(engine.dir, `${name} ${fault}.sock`),
        engine.socket,
      );
      const rig = dockerAgent(proxy.endpoint, { limitMs: 400 });
      onTestFinished(async () => {
        await rig.end();
        await proxy.close();
      });
      await rig.orchestrator();
      proxy.break(method, path, fault, 2);
      const alloc = await lasting(rig);
      await untilRecorded(alloc, 'TaskStarted');
      await expect.poll(() => timesRun(rig, alloc), patience).toBe(1);
      await alloc.stop();
      expect(proxy.broken.slice(0, 1)).toEqual([expect.stringMatching(new RegExp(`${fault}$`))]);
      expect(timesRun(rig, alloc)).toBe(1);
      await expect.poll(() => engine.names(), patience).toEqual([]);
      const types = await recorded(alloc);
      expect(types.filter((type) => type === 'TaskStarted')).toHaveLength(1);
      expect(types.filter((type) => type === 'TaskExited' || type === 'TaskLost')).toEqual([
        'TaskExited',
      ]);
      expect(types).not.toContain('TaskRestarting');
    },
  );
});
