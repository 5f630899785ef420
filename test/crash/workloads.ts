/** What the tasks of a case do, and how often each must have run when nothing but agents and hosts was hurt. */
import { dirname, join } from 'node:path';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import type { OrchestratorOptions } from '../../src/orchestrator-options.ts';
import { plugins, PROBED } from './networked.ts';
import type { CasePlaces } from './plan.ts';

export type WitnessKind = 'quick' | 'zero' | 'long' | 'deaf' | 'nap' | 'leaver';

export interface Workload {
  /** By allocId. */
  readonly groups: Readonly<Record<string, GroupSpecInput>>;
  /** Allocs that end by themselves. */
  readonly ending: readonly string[];
  /** Allocs that run until they are stopped. */
  readonly lasting: readonly string[];
  /** Told to restart once, in its first run. */
  readonly restarted?: string;
  /** Begun anew once, with all its tasks, when they have all begun. */
  readonly begunAnew?: string;
  /** Its group is run again, changed, and then as one that has to replace it, with the id of the heir. */
  readonly updated?: {
    readonly allocId: string;
    readonly specs: readonly [GroupSpecInput, GroupSpecInput];
    readonly heir: string;
  };
  /** Commands are run beside it while it runs. */
  readonly beside?: string;
  /** Whoever stops them does not wait until they run. */
  readonly isHasty?: boolean;
  /** An agent that dies is followed by another one only when hosts had the time to do its work. */
  readonly isLeftAlone?: boolean;
  /** It is started with the first of each, and restarted by itself when the file has the second. */
  readonly changed?: {
    readonly allocId: string;
    readonly files: readonly { readonly path: string; readonly texts: readonly [string, string] }[];
  };
  /** What the agent is asked besides. */
  readonly options?: Pick<
    OrchestratorOptions,
    'retention' | 'safeMode' | 'secrets' | 'templates' | 'network'
  >;
  /** How often each task runs, by `alloc/task`. Null where that is a matter of moments. */
  readonly runs: Readonly<Record<string, number | null>>;
}

export const WORKLOADS = [
  'batch',
  'service',
  'restart',
  'loud',
  'hasty',
  'tidy',
  'isolated',
  'beside',
  'fetching',
  'changing',
  'alone',
  'whole',
  'joined',
  'watched',
  'updated',
] as const;
export type WorkloadName = (typeof WORKLOADS)[number];

export function workload(name: WorkloadName, places: CasePlaces, witness: string): Workload {
  const task = (
    name: string,
    kind: WitnessKind,
    more: Partial<GroupSpecInput['tasks'][number]> = {},
    lines = 20,
  ): GroupSpecInput['tasks'][number] => ({
    name,
    driver: 'raw_exec',
    config: { command: 'perl', args: [witness, places.ledger, places.locksDir, kind, `${lines}`] },
    killTimeout: '400ms',
    ...more,
  });
  if (name === 'joined') return { ...MAKERS.joined(task), options: plugins(places) };
  if (name === 'isolated') return MAKERS[name](boxed(task, places, witness));
  if (name === 'changing') return changing(MAKERS[name](handed(task, places)), places);
  return MAKERS[name](name === 'fetching' ? fetched(task, witness) : task);
}

/** In containers that see the pids of the machine, so that the witness knows itself by the same pid as the agent. */
function boxed(task: TaskMaker, { caseDir }: CasePlaces, witness: string): TaskMaker {
  const mounts = [caseDir, dirname(witness)].map((path) => {
    return { type: 'bind' as const, source: path, destination: path };
  });
  return (name, kind, more, lines) => {
    const plain = task(name, kind, more, lines);
    const config = { ...plain.config, pidMode: 'host' };
    return { ...plain, driver: 'exec', user: 'root', config, mounts };
  };
}

/** The program itself is fetched: without it there is nothing to run. */
function fetched(task: TaskMaker, witness: string): TaskMaker {
  return (name, kind, more, lines) => {
    const plain = task(name, kind, more, lines);
    const written = plain.config ?? {};
    const [, ...args] = written['args'] as string[];
    const config = { ...written, args: ['local/witness.pl', ...args] };
    const file = { source: `file://${witness}`, mode: 'file' as const };
    const artifacts = [
      { ...file, destination: 'local/witness.pl' },
      { ...file, destination: 'alloc/data/copy' },
    ];
    return { ...plain, config, artifacts };
  };
}

const keysOf = ({ caseDir }: CasePlaces): string => join(caseDir, 'keys');

/** A secret, which is a variable and a file of its own too, and a key; only for the secret the program is restarted. */
function handed(task: TaskMaker, places: CasePlaces): TaskMaker {
  const path = join(keysOf(places), 'secret');
  const soon = { wait: { min: '20ms' }, splay: '0s' } as const;
  return (name, kind, more, lines) => ({
    ...task(name, kind, more, lines),
    secrets: [
      {
        name: 'one',
        provider: 'file',
        path,
        env: 'ONE',
        file: 'one',
        refresh: '1s',
        changeMode: 'noop',
      },
    ],
    templates: [
      { data: '{{ "key" | key }}', destination: 'local/key', changeMode: 'noop', ...soon },
      { data: '{{ secret.one }}', destination: 'secrets/conf', changeMode: 'restart', ...soon },
    ],
  });
}

function changing(work: Workload, places: CasePlaces): Workload {
  const dir = keysOf(places);
  const texts = ['first', 'second'] as const;
  return {
    ...work,
    changed: {
      allocId: 'change',
      files: ['key', 'secret'].map((name) => ({ path: join(dir, name), texts })),
    },
    // Where files are in memory nobody but the agent can take them away.
    options: { secrets: { fileRoots: [dir], inMemory: 'off' }, templates: { keys: dir } },
  };
}

type TaskMaker = (
  name: string,
  kind: WitnessKind,
  more?: Partial<GroupSpecInput['tasks'][number]>,
  lines?: number,
) => GroupSpecInput['tasks'][number];

const once = { attempts: 0 };
const twice = { attempts: 1, delay: '20ms', interval: '1h' };
const often = { attempts: 20, delay: '20ms', interval: '1h' };

const MAKERS: Readonly<Record<WorkloadName, (task: TaskMaker) => Workload>> = {
  batch: (task) => ({
    groups: {
      two: {
        name: 'two',
        type: 'batch',
        tasks: [
          task('first', 'zero', { lifecycle: { hook: 'prestart' }, restart: once }),
          task('second', 'zero', { restart: once }),
        ],
      },
      fail: { name: 'fail', type: 'batch', tasks: [task('a', 'nap', { restart: once })] },
      again: { name: 'again', type: 'batch', tasks: [task('a', 'quick', { restart: twice })] },
    },
    ending: ['two', 'fail', 'again'],
    lasting: [],
    runs: { 'two/first': 1, 'two/second': 1, 'fail/a': 1, 'again/a': 2 },
  }),
  service: (task) => ({
    groups: {
      pair: {
        name: 'pair',
        tasks: [
          task('steady', 'long', { restart: often }),
          task('deaf', 'deaf', { restart: often }),
        ],
      },
      leave: { name: 'leave', type: 'batch', tasks: [task('a', 'leaver', { restart: twice })] },
    },
    ending: ['leave'],
    lasting: ['pair'],
    runs: { 'pair/steady': 1, 'pair/deaf': 1, 'leave/a': 2 },
  }),
  restart: (task) => ({
    groups: { turn: { name: 'turn', tasks: [task('a', 'long', { restart: often })] } },
    ending: [],
    lasting: ['turn'],
    restarted: 'turn',
    runs: { 'turn/a': 2 },
  }),
  changing: (task) => ({
    groups: { change: { name: 'change', tasks: [task('a', 'long', { restart: often })] } },
    ending: [],
    lasting: ['change'],
    runs: { 'change/a': 2 },
  }),
  alone: (task) => ({
    groups: { still: { name: 'still', tasks: [task('a', 'long', { restart: often })] } },
    ending: [],
    lasting: ['still'],
    isLeftAlone: true,
    runs: { 'still/a': 1 },
  }),
  /** A task of every kind. The leader is told to end a little later than it is to. */
  whole: (task) => ({
    groups: {
      whole: {
        name: 'whole',
        tasks: [
          task('seed', 'zero', { lifecycle: { hook: 'prestart' }, restart: once }),
          task('proxy', 'long', { lifecycle: { hook: 'prestart', sidecar: true }, restart: often }),
          task('lead', 'long', { leader: true, shutdownDelay: '300ms', restart: often }),
          task('hello', 'zero', { lifecycle: { hook: 'poststart' }, restart: once }),
          task('bye', 'zero', { lifecycle: { hook: 'poststop' }, restart: once }),
        ],
      },
    },
    ending: [],
    lasting: ['whole'],
    begunAnew: 'whole',
    runs: {
      'whole/seed': 2,
      'whole/proxy': 2,
      'whole/lead': 2,
      'whole/hello': 2,
      'whole/bye': 1,
    },
  }),
  /** One task of it is restarted, one is changed as it runs, one goes and one comes. The first takes long to end. */
  updated: (task) => {
    const lead = task('lead', 'deaf', { leader: true, restart: often, killTimeout: '700ms' });
    const web = task('web', 'long', { restart: often, services: [{ name: 'web' }] });
    const seen = { ...web, services: [{ name: 'site' }], killTimeout: '500ms' };
    const old = task('old', 'long', { restart: often });
    const fresh = task('fresh', 'long', { restart: often });
    const changed = [{ ...lead, env: { NEW: '1' } }, seen, fresh];
    return {
      groups: { first: { name: 'shop', tasks: [lead, web, old] } },
      ending: [],
      lasting: ['first'],
      updated: {
        allocId: 'first',
        specs: [
          { name: 'shop', tasks: changed },
          { name: 'shop', type: 'system', tasks: [lead] },
        ],
        heir: 'second',
      },
      runs: {
        'first/lead': 2,
        'first/web': 1,
        'first/old': 1,
        'first/fresh': 1,
        'second/lead': 1,
      },
    };
  },
  beside: (task) => ({
    groups: { base: { name: 'base', tasks: [task('a', 'long', { restart: often })] } },
    ending: [],
    lasting: ['base'],
    beside: 'base',
    runs: { 'base/a': 1 },
  }),
  /** One is well and says so to others; one is not, and is started again once. */
  watched: (task) => {
    const look = { type: 'script', interval: '100ms', timeout: '20s' } as const;
    const well = { name: 'well', onReady: true, checks: [{ ...look, command: 'true' }] };
    const checkRestart = { limit: 2, grace: '0s' };
    const unwell = { ...look, command: 'false', checkRestart };
    return {
      groups: {
        well: {
          name: 'well',
          services: [{ name: 'all-of-it' }],
          tasks: [task('a', 'long', { restart: often, services: [well] })],
        },
        unwell: {
          name: 'unwell',
          tasks: [task('a', 'long', { restart: twice, checks: [unwell] })],
        },
      },
      ending: ['unwell'],
      lasting: ['well'],
      runs: { 'well/a': 1, 'unwell/a': 2 },
    };
  },
  /** In networks of their own. */
  joined: (task) => ({
    groups: {
      brief: {
        name: 'brief',
        type: 'batch',
        network: PROBED,
        tasks: [task('a', 'quick', { restart: twice }), task('b', 'zero', { restart: once })],
      },
      still: { name: 'still', network: PROBED, tasks: [task('a', 'long', { restart: often })] },
    },
    ending: ['brief'],
    lasting: ['still'],
    runs: { 'brief/a': 2, 'brief/b': 1, 'still/a': 1 },
  }),
  fetching: (task) => ({
    groups: {
      fetch: { name: 'fetch', type: 'batch', tasks: [task('a', 'quick', { restart: twice })] },
    },
    ending: ['fetch'],
    lasting: [],
    runs: { 'fetch/a': 2 },
  }),
  hasty: (task) => ({
    groups: {
      brief: { name: 'brief', tasks: [task('a', 'long', { restart: often })] },
      short: { name: 'short', tasks: [task('a', 'deaf', { restart: often })] },
    },
    ending: [],
    lasting: ['brief', 'short'],
    isHasty: true,
    runs: { 'brief/a': null, 'short/a': null },
  }),
  isolated: (task) => ({
    groups: {
      box: { name: 'box', type: 'batch', tasks: [task('a', 'quick', { restart: twice })] },
      still: { name: 'still', tasks: [task('a', 'long', { restart: often })] },
    },
    ending: ['box'],
    lasting: ['still'],
    runs: { 'box/a': 2, 'still/a': 1 },
  }),
  /** Hardly anything that has ended is kept, and an agent that began after one that died starts nothing for a while. */
  tidy: (task) => {
    const names = ['one', 'two', 'three'];
    const batch = (name: string): [string, GroupSpecInput] => [
      name,
      { name, type: 'batch', tasks: [task('a', 'zero', { restart: once })] },
    ];
    return {
      groups: Object.fromEntries(names.map(batch)),
      ending: names,
      lasting: [],
      options: {
        retention: { keepFinishedAllocs: 1 },
        safeMode: { starts: 1, withinMs: 3_000 },
      },
      runs: Object.fromEntries(names.map((name) => [`${name}/a`, 1])),
    };
  },
  loud: (task) => ({
    groups: {
      loud: {
        name: 'loud',
        type: 'batch',
        tasks: [
          task('a', 'quick', { restart: once, logs: { maxFileSizeMb: 1, compress: true } }, 30_000),
        ],
      },
    },
    ending: ['loud'],
    lasting: [],
    runs: { 'loud/a': 1 },
  }),
};
