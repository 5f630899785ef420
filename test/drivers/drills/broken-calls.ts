/** Every call of the engine, broken in every way: each program runs once, and nothing of it is left. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { dockerEngine } from '../../../src/engine/docker-engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { messageOf } from '../../../src/errors.ts';
import {
  dockerAgent,
  lasting,
  recorded,
  timesRun,
  untilRecorded,
} from '../../docker/docker-agent.ts';
import type { EngineRig } from '../../docker/engine-rig.ts';
import { type Fault, FaultySocket } from '../../docker/faulty-socket.ts';
import type { Drill, Findings } from '../../faults/drill.ts';
import { eventually, insist, withEngine } from './room.ts';

interface Break {
  readonly call: string;
  readonly method: string;
  readonly path: RegExp;
  readonly fault: Fault;
  /** In a row. */
  readonly times: number;
}

const CALLS: readonly (readonly [name: string, method: string, path: RegExp])[] = [
  ['create', 'POST', /^\/containers\/create/],
  ['start', 'POST', /\/start$/],
  ['inspect', 'GET', /^\/containers\/[^/]+\/json$/],
  ['wait', 'POST', /\/wait$/],
  ['kill', 'POST', /\/kill\?/],
  ['remove', 'DELETE', /^\/containers\//],
  ['list', 'GET', /^\/containers\/json\?/],
  ['logs', 'GET', /\/logs\?/],
  ['look for image', 'GET', /^\/images\/[^?]+\/json$/],
];
/** Of the fingerprint: a start waits half a minute for the next one, so each is broken once. */
const FINGERPRINT_CALLS: typeof CALLS = [
  ['info', 'GET', /^\/info$/],
  ['bridge', 'GET', /^\/networks\/bridge$/],
  ['version', 'GET', /^\/version$/],
];
const FAULTS: readonly Fault[] = [
  'error before',
  'error after',
  'hang before',
  'hang after',
  'cut',
];
const BREAKS = broken(CALLS);
const FINGERPRINT_BREAKS = broken(FINGERPRINT_CALLS);
const ROUNDS = 3;
/** Time limit of a call here. */
const LIMIT_MS = 400;

export const brokenCalls: Drill = {
  name: 'broken calls',
  promise: 'a program runs once and nothing of it is left, whatever call is broken and how',
  tools: ['dockerd', 'nsenter'],
  privileges: ['root'],
  cases: { share: 8, full: BREAKS.length * ROUNDS + FINGERPRINT_BREAKS.length },
  run: (findings, cases) =>
    withEngine(async (engine) => {
      for (const [no, one] of breaksFor(findings, cases).entries()) {
        const name = `${one.call}, ${one.fault}, ${one.times} times`;
        await findings.attempt(name, async () => {
          const times = await survived(engine, one, no);
          findings.count('programs that ran once');
          findings.count('calls broken', times);
        });
      }
      const twice = await survived(engine, START_AFTER, cases, startsAnew).then(
        () => 'nothing was noticed',
        messageOf,
      );
      findings.control('a driver that makes another when one fails', /ran|left/.test(twice), twice);
      const left = await survived(engine, START_AFTER, cases + 1, removesNothing).then(
        () => 'nothing was noticed',
        messageOf,
      );
      findings.control('a driver that removes nothing', left.includes('left'), left);
      for (const name of engine.names()) engine.docker('rm', '--force', name);
    }),
};

const START_AFTER: Break = {
  call: 'start',
  method: 'POST',
  path: /\/start$/,
  fault: 'error after',
  times: 1,
};

function broken(calls: typeof CALLS): readonly Omit<Break, 'times'>[] {
  return calls.flatMap(([call, method, path]) =>
    FAULTS.map((fault) => ({ call, method, path, fault })),
  );
}

/** Every call in every way, in another order each round. */
function breaksFor(findings: Findings, cases: number): readonly Break[] {
  const wanted = Array.from({ length: ROUNDS }, () =>
    BREAKS.map((one) => ({
      ...one,
      times: findings.between(1, 4),
      rank: findings.random(),
    })).toSorted((a, b) => a.rank - b.rank),
  ).flat();
  return [...wanted, ...FINGERPRINT_BREAKS.map((one) => ({ ...one, times: 1 }))].slice(0, cases);
}

/** How many calls were broken. Throws what was wrong. */
async function survived(
  engine: EngineRig,
  { method, path, fault, times }: Break,
  no: number,
  changed: (engine: Engine) => Engine = (same) => same,
): Promise<number> {
  const proxy = await FaultySocket.open(join(engine.dir, `${no}.sock`), engine.socket);
  const rig = dockerAgent(proxy.endpoint, {
    engineOf: (place) => changed(dockerEngine(place, LIMIT_MS)),
  });
  try {
    proxy.break(method, path, fault, times);
    const alloc = await lasting(rig, SAYS);
    await untilRecorded(alloc, 'TaskStarted');
    await eventually('it ran', () => timesRun(rig, alloc) > 0);
    // What comes a moment later would be a second one.
    await delay(100);
    await alloc.stop();
    insist('times that it ran', timesRun(rig, alloc), 1);
    await eventually(
      `nothing is left, not ${engine.names().join(' ')}`,
      () => engine.names().length === 0,
    );
    const types = await recorded(alloc);
    const told = (wanted: readonly string[]): readonly string[] =>
      types.filter((type) => wanted.includes(type));
    insist('what was recorded', told(['TaskStarted', 'TaskExited', 'TaskLost', 'TaskRestarting']), [
      'TaskStarted',
      'TaskExited',
    ]);
    // A signal that never arrived is not sent again before it is one that cannot be caught.
    const isDeaf = method === 'POST' && path.test('/kill?') && fault.endsWith('before');
    insist('its output', await textOf(alloc), isDeaf ? 'begun\n' : 'begun\nended\n');
    if (proxy.broken.length === 0) throw new Error('no call was broken: the case shows nothing');
    return proxy.broken.length;
  } finally {
    await rig.end();
    await proxy.close();
  }
}

/** Counts its runs, and speaks at both ends. */
const SAYS =
  'echo x >>/alloc/data/ran; echo begun; trap "echo ended; exit 143" TERM; while :; do sleep 0.05; done';

async function textOf(alloc: Awaited<ReturnType<typeof lasting>>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const { data } of alloc.task('main').logs({ stream: 'stdout' })) chunks.push(data);
  return Buffer.concat(chunks).toString();
}

/** The mistake of the simple: what failed is tried again under another name. */
function startsAnew(engine: Engine): Engine {
  const bodies = new Map<string, Readonly<Record<string, unknown>>>();
  const made: Partial<Engine> = {
    async createContainer(name, body) {
      const created = await engine.createContainer(name, body);
      bodies.set(created.id, body);
      bodies.set(name, body);
      return created;
    },
    async startContainer(ref) {
      try {
        return await engine.startContainer(ref);
      } catch {
        const body = bodies.get(ref);
        if (body === undefined) throw new Error(`nobody made ${ref}`);
        const { id } = await engine.createContainer(`${ref}-again`, body);
        return engine.startContainer(id);
      }
    },
  };
  return overlaid(engine, made);
}

function removesNothing(engine: Engine): Engine {
  return overlaid(engine, { removeContainer: () => Promise.resolve(true) });
}

function overlaid(engine: Engine, changes: Partial<Engine>): Engine {
  return new Proxy(engine, {
    get(of, name: keyof Engine) {
      const found: unknown = changes[name] ?? of[name];
      return typeof found === 'function' ? (found.bind(of) as unknown) : found;
    },
  });
}
