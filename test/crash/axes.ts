/** Which cases there are: every axis makes its plans from the census and the seed, and a plan is the whole of a case. */
import type { CaseSpec } from './case.ts';
import type { Census, Way } from './census.ts';
import { planText, POINT_ACTIONS, RIG, type PointAction, type Strike } from './plan.ts';
import { pick, seeded, shuffled } from './seeded.ts';
import type { WorkloadName } from './workloads.ts';

/** How many cases of each axis; for the first four, how many points and at how many of their arrivals. */
export interface Size {
  readonly kill: { readonly points: number; readonly arrivals: number };
  readonly stop: { readonly points: number; readonly arrivals: number };
  readonly delay: { readonly points: number; readonly arrivals: number };
  readonly error: { readonly points: number; readonly arrivals: number };
  readonly pairs: number;
  readonly hosts: number;
  readonly reboot: number;
  readonly slow: number;
  readonly agents: number;
  readonly chance: number;
  readonly reuse: number;
}

export type Axis = keyof Size;

export const FULL: Size = {
  kill: { points: Infinity, arrivals: 3 },
  stop: { points: Infinity, arrivals: 1 },
  delay: { points: Infinity, arrivals: 1 },
  error: { points: Infinity, arrivals: 1 },
  pairs: 330,
  hosts: 60,
  reboot: 32,
  slow: 40,
  agents: 24,
  chance: 60,
  reuse: 16,
};

export const CI: Size = {
  kill: { points: Infinity, arrivals: 1 },
  stop: { points: 4, arrivals: 1 },
  delay: { points: 4, arrivals: 1 },
  error: { points: 4, arrivals: 1 },
  pairs: 6,
  hosts: 3,
  reboot: 2,
  slow: 3,
  agents: 3,
  chance: 2,
  reuse: 2,
};

/** How long a stopped process lies, and how long a slow one takes: longer than anything waits for it elsewhere. */
const PAUSE_MS: Readonly<Record<PointAction, number>> = {
  kill: 0,
  stop: 400,
  delay: 300,
  error: 0,
};

export function casesOf(axis: Axis, census: Census, size: Size, seed: number): CaseSpec[] {
  const chance = seeded(`${seed} ${axis}`);
  const made: readonly (readonly [WorkloadName, readonly Strike[]])[] =
    axis === 'kill' || axis === 'stop' || axis === 'delay' || axis === 'error'
      ? atPoints(axis, census, size[axis], chance)
      : Array.from({ length: size[axis] }, (_one, index) => MAKERS[axis](census, chance, index));
  const ids = new Set<string>();
  return made.flatMap(([workload, plan]) => {
    const id = planText(workload, plan);
    if (ids.has(id)) return [];
    ids.add(id);
    return [{ id, axis, workload, plan }];
  });
}

type Made = readonly [WorkloadName, readonly Strike[]];

/** Nothing that could fail stands there. */
const CANNOT_FAIL = ['agent.host.replaced', 'agent.decided', 'agent.end.heard'];

function atPoints(
  action: PointAction,
  census: Census,
  { points, arrivals }: { points: number; arrivals: number },
  chance: () => number,
): Made[] {
  const known = [...census.keys()].toSorted();
  const possible = action === 'error' ? known.filter((one) => !CANNOT_FAIL.includes(one)) : known;
  const chosen = shuffled(possible, chance).slice(0, points);
  return chosen.flatMap((point) => {
    const ways = census.get(point) ?? [];
    return Array.from({ length: arrivals }, (): Made => {
      const way = pick(ways, chance);
      const last = { ...at(point, way, chance), action, ms: PAUSE_MS[action] };
      return [way.workload, [...way.opening, last]];
    });
  });
}

/** The first arrival half of the time: it is the only one that is certain after an opening. */
function at(point: string, way: Way, chance: () => number): Pick<Strike, 'point' | 'nth'> {
  const nth =
    way.opening.length > 0 || chance() < 0.5 ? 1 : 1 + Math.floor(chance() * way.arrivals);
  return { point, nth };
}

function killAt(
  prefix: RegExp,
  census: Census,
  chance: () => number,
  workload?: WorkloadName,
): readonly [Way, Strike] {
  const fits = (way: Way): boolean =>
    way.opening.length === 0 && (workload === undefined || way.workload === workload);
  const points = [...census.keys()].toSorted().filter((point) => {
    return prefix.test(point) && (census.get(point) ?? []).some(fits);
  });
  const point = pick(points, chance);
  const way = pick((census.get(point) ?? []).filter(fits), chance);
  return [way, { ...at(point, way, chance), action: 'kill', ms: 0 }];
}

/** What an agent does in its first moments and after them: where a second crash falls into a recovery. */
const RECOVERING =
  /^agent\.(open|sweep|adopt|launch|watch|kill|settle|cleanup|append|decided|end|host|collect)/;

const MAKERS: Readonly<
  Record<Exclude<Axis, PointAction>, (census: Census, chance: () => number, index: number) => Made>
> = {
  pairs(census, chance) {
    const [way, first] = killAt(/^agent\./, census, chance);
    const second = pick(
      [...census.keys()].toSorted().filter((one) => RECOVERING.test(one)),
      chance,
    );
    return [way.workload, [first, { point: second, nth: 1, action: 'kill', ms: 0 }]];
  },
  hosts(census, chance) {
    const [way, first] = killAt(/^agent\./, census, chance);
    const host = killAt(/^(executor|logmon)\./, census, chance, way.workload)[1];
    const both = [first, { ...host, nth: 1 }];
    return [way.workload, chance() < 0.5 ? both : both.toReversed()];
  },
  /** Everything stops at a point, and the machine is started anew from there. */
  reboot(census, chance) {
    const [way, where] = killAt(/./, census, chance);
    return [way.workload, [{ ...where, action: 'stop', ms: 60_000 }, rig('reboot')]];
  },
  slow(_census, chance, index) {
    const point = pick(['shim.begun', 'shim.fifos.opened', 'shim.fate.before'], chance);
    const late: Strike = { point, nth: 1 + Math.floor(chance() * 2), action: 'delay', ms: 1_500 };
    const workload = pick(['batch', 'service', 'restart', 'loud'] as const, chance);
    const strikes: readonly (readonly Strike[])[] = [
      [rig('kill-executor'), rig('kill-agent')],
      [rig('kill-executor')],
      [rig('kill-agent'), rig('kill-executor', 250)],
      [rig('kill-agent')],
    ];
    if (index % 5 === 4) return ['hasty', [{ ...late, ms: 900 }, rig('kill-agent', 100)]];
    return [workload, [late, ...(strikes[index % 5] ?? [])]];
  },
  agents(census, chance, index) {
    const [way, where] = killAt(/^agent\.(launch|watch|settle|cleanup|end|kill)/, census, chance);
    // Stopped in the middle of it, and woken up when another agent was refused, or has taken over.
    const other = index % 4 === 0 ? 'rival' : 'usurper';
    return [way.workload, [{ ...where, action: 'stop', ms: 60_000 }, rig(other)]];
  },
  chance(_census, chance) {
    const workload = pick(['batch', 'service', 'restart', 'loud'] as const, chance);
    const blow = (): Strike => {
      const kinds = ['kill-agent', 'kill-agent', 'kill-executor', 'kill-logmon'] as const;
      return rig(pick(kinds, chance), Math.floor(chance() * 400));
    };
    return [workload, [blow(), blow(), blow()]];
  },
  reuse(census, chance) {
    const [, where] = killAt(/^agent\.(cleanup|settle|end|watch)/, census, chance, 'service');
    return ['service', [{ ...where, action: 'stop', ms: 60_000 }, rig('reuse-pids')]];
  },
};

function rig(action: Strike['action'], ms = 0): Strike {
  return { point: RIG, nth: 1, action, ms };
}

export const AXES: readonly Axis[] = [
  ...POINT_ACTIONS,
  'pairs',
  'hosts',
  'reboot',
  'slow',
  'agents',
  'chance',
  'reuse',
];
