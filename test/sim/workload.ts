/** What is asked of the agents: groups, and commands at moments of the seed's choice. Asked again until answered. */
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { Chance } from './chance.ts';
import { updatesOf } from './updates.ts';
import { wholeGroup } from './whole-groups.ts';

export interface Wish {
  readonly atMs: number;
  readonly kind:
    | 'run'
    | 'stop'
    | 'stop task'
    | 'restart'
    | 'signal'
    | 'restart all'
    | 'resume'
    | 'hurry'
    | 'update';
  readonly allocId: string;
  readonly task: string;
  /** What an update asks for. */
  readonly group?: GroupSpecInput;
}

/** A command beside a task, and what becomes of whoever wants it. */
export interface Visit {
  readonly name: string;
  readonly atMs: number;
  readonly allocId: string;
  readonly task: string;
  readonly hasTerminal: boolean;
  readonly manner: 'reads' | 'comes and goes' | 'forsakes' | 'closes' | 'ends the input';
  /** In some of the manners: so long after he came. */
  readonly afterMs: number;
}

export interface Workload {
  readonly groups: ReadonlyMap<string, GroupSpecInput>;
  readonly wishes: readonly Wish[];
  readonly visits: readonly Visit[];
}

const WITHIN_MS = 50_000;

const POLICIES = [
  { attempts: 0, interval: '30s', delay: '1s', mode: 'fail' },
  { attempts: 1, interval: '5s', delay: '1s', mode: 'fail' },
  { attempts: 2, interval: '30s', delay: '100ms', mode: 'fail' },
  { attempts: 3, interval: '10m', delay: '7s', mode: 'fail' },
  { attempts: 1, interval: '5s', delay: '100ms', mode: 'delay' },
  { attempts: 3, interval: '40s', delay: '3s', mode: 'delay' },
] as const;

export function workloadOf(seed: number): Workload {
  const chance = new Chance(seed, 'workload');
  const groups = new Map<string, GroupSpecInput>();
  const wishes: Wish[] = [];
  const allocs = chance.pick([1, 1, 2, 3]);
  for (let count = 1; count <= allocs; count += 1) {
    const allocId = `alloc-${count}`;
    const plain = groupOf(`group-${count}`, chance);
    const startMs = chance.below(WITHIN_MS / 4);
    const times = { fromMs: startMs, withinMs: WITHIN_MS / 2 };
    const { group, wishes: more } = wholeGroup(seed, allocId, plain, times);
    groups.set(allocId, group);
    wishes.push(...more, ...updatesOf(seed, allocId, group, times));
    const names = plain.tasks.map(({ name }) => name);
    wishes.push({ atMs: startMs, kind: 'run', allocId, task: '' });
    for (let left = chance.below(4); left > 0; left -= 1) {
      const kind = chance.pick(['stop', 'stop task', 'restart', 'restart', 'signal'] as const);
      const atMs = startMs + chance.below(WITHIN_MS / 2);
      wishes.push({ atMs, kind, allocId, task: chance.pick(names) });
    }
  }
  const inOrder = wishes.toSorted((one, other) => one.atMs - other.atMs);
  return { groups, wishes: inOrder, visits: visitsOf(seed, inOrder, groups) };
}

/** Every other seed has some. They are drawn from a chance of their own: the rest is what it would be without them. */
function visitsOf(
  seed: number,
  wishes: readonly Wish[],
  groups: Workload['groups'],
): readonly Visit[] {
  const chance = new Chance(seed, 'visits');
  if (chance.isHit(0.5)) return [];
  const runs = wishes.filter(({ kind }) => kind === 'run');
  return Array.from({ length: chance.between(1, 8) }, (_, index) => {
    const { allocId, atMs } = chance.pick(runs);
    const tasks = groups.get(allocId)?.tasks ?? [];
    return {
      name: `visit-${index + 1}`,
      atMs: atMs + chance.below(WITHIN_MS / 2),
      allocId,
      task: chance.pick(tasks).name,
      hasTerminal: chance.isHit(0.3),
      manner: chance.pick([
        'reads',
        'comes and goes',
        'comes and goes',
        'forsakes',
        'closes',
        'ends the input',
      ] as const),
      afterMs: chance.pick([1, 50, 1_000, 10_000]),
    };
  });
}

function groupOf(name: string, chance: Chance): GroupSpecInput {
  const type = chance.pick(['service', 'batch'] as const);
  const count = chance.pick([1, 1, 2, 3]);
  const tasks = Array.from({ length: count }, (_, index) => taskOf(`t${index + 1}`, index, chance));
  return { name, type, tasks };
}

function taskOf(name: string, index: number, chance: Chance): GroupSpecInput['tasks'][number] {
  const isBefore = index > 0 && chance.isHit(0.2);
  return {
    name,
    driver: 'raw_exec',
    config: { command: '/bin/program' },
    killTimeout: chance.pick(['100ms', '1s', '5s']),
    killSignal: chance.pick(['SIGTERM', 'SIGTERM', 'SIGINT', 'SIGKILL']),
    restart: {
      ...chance.pick(POLICIES),
      onLost: chance.pick(['restart', 'fail'] as const),
    },
    ...(isBefore ? { lifecycle: { hook: 'prestart' as const } } : {}),
  };
}
