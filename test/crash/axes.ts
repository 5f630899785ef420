/** Which cases there are: every axis makes its plans from the census and the seed, and a plan is the whole of a case. */
import type { CaseSpec } from './case.ts';
import { arrivalAt, PLANS, type Made } from './axis-plans.ts';
import type { Census } from './census.ts';
import { planText, POINT_ACTIONS, type PointAction } from './plan.ts';
import { pick, seeded, shuffled } from './seeded.ts';

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
  pairs: 440,
  hosts: 60,
  reboot: 32,
  slow: 40,
  agents: 24,
  chance: 60,
  reuse: 16,
};

/** In about two minutes; the census, which comes by every point, is not in these numbers. */
export const CI: Size = {
  kill: { points: 44, arrivals: 1 },
  stop: { points: 3, arrivals: 1 },
  delay: { points: 3, arrivals: 1 },
  error: { points: 3, arrivals: 1 },
  pairs: 5,
  hosts: 2,
  reboot: 2,
  slow: 2,
  agents: 2,
  chance: 2,
  reuse: 1,
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
  const made: readonly Made[] =
    axis === 'kill' || axis === 'stop' || axis === 'delay' || axis === 'error'
      ? atPoints(axis, census, size[axis], chance)
      : Array.from({ length: size[axis] }, (_one, index) => PLANS[axis](census, chance, index));
  const ids = new Set<string>();
  return made.flatMap(([workload, plan]) => {
    const id = planText(workload, plan);
    if (ids.has(id)) return [];
    ids.add(id);
    return [{ id, axis, workload, plan }];
  });
}

/** Nothing that could fail stands there. */
const CANNOT_FAIL = [
  'agent.host.replaced',
  'agent.decided',
  'agent.end.heard',
  'agent.services.registered',
  'agent.update.hooks',
  'agent.update.hooked',
];

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
      const last = { ...arrivalAt(point, way, chance), action, ms: PAUSE_MS[action] };
      return [way.workload, [...way.opening, last]];
    });
  });
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
