/** How one plan of each axis is made: where it strikes is a matter of chance, what it is about is not. */
import type { Census, Way } from './census.ts';
import { RIG, type Strike } from './plan.ts';
import { pick } from './seeded.ts';
import type { WorkloadName } from './workloads.ts';

export type Made = readonly [WorkloadName, readonly Strike[]];

/** The first arrival half of the time: it is the only one that is certain after an opening. */
export function arrivalAt(
  point: string,
  way: Way,
  chance: () => number,
): Pick<Strike, 'point' | 'nth'> {
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
  return [way, { ...arrivalAt(point, way, chance), action: 'kill', ms: 0 }];
}

/** What an agent does in its first moments and after them: where a second crash falls into a recovery. */
const RECOVERING = [
  /^agent\.(open|sweep|adopt|prestart|launch|watch|kill|settle|cleanup|append|decided|end|host)/,
  /^agent\.(collect|retention|snapshots|safe-mode|alloc|gates|update|replace|network|services)/,
  /^agent\.(check|artifact|file|secrets|template|change)/,
];

/** One of those, that the workload comes by, or nobody but an agent after one that died. */
function isSecond(point: string, workload: WorkloadName, census: Census): boolean {
  if (!RECOVERING.some((kind) => kind.test(point))) return false;
  const ways = census.get(point) ?? [];
  const isOfRecovery = ways.every(({ opening }) => opening.length > 0);
  return isOfRecovery || ways.some((way) => way.workload === workload);
}

const SIMPLE = ['batch', 'service', 'restart', 'loud'] as const;
const OF_GROUPS = ['whole', 'updated', 'changing', 'watched', 'fetching'] as const;

export const PLANS: Readonly<
  Record<
    'pairs' | 'hosts' | 'reboot' | 'slow' | 'agents' | 'chance' | 'reuse',
    (census: Census, chance: () => number, index: number) => Made
  >
> = {
  pairs(census, chance) {
    const [way, first] = killAt(/^agent\./, census, chance);
    const second = pick(
      [...census.keys()].toSorted().filter((one) => isSecond(one, way.workload, census)),
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
    const workload = pick(SIMPLE, chance);
    const strikes: readonly (readonly Strike[])[] = [
      [rig('kill-executor'), rig('kill-agent')],
      [rig('kill-executor')],
      [rig('kill-agent'), rig('kill-executor', 250)],
      [rig('kill-agent')],
    ];
    const doze: Strike = { point: 'agent.cleanup.begun', nth: 1, action: 'delay', ms: 2_500 };
    if (index % 6 === 4) return ['hasty', [{ ...late, ms: 900 }, rig('kill-agent', 100)]];
    // The agent dozes over the end of the first task, so that the late shim finds its run as it was.
    if (index % 6 === 5) return ['service', [late, rig('kill-executor'), doze]];
    return [workload, [late, ...(strikes[index % 6] ?? [])]];
  },
  agents(census, chance, index) {
    const [way, where] = killAt(/^agent\.(launch|watch|settle|cleanup|end|kill)/, census, chance);
    // Stopped in the middle of it, and woken up when another agent was refused, or has taken over.
    const other = index % 4 === 0 ? 'rival' : 'usurper';
    return [way.workload, [{ ...where, action: 'stop', ms: 60_000 }, rig(other)]];
  },
  chance(_census, chance) {
    const workload = pick([...SIMPLE, ...OF_GROUPS], chance);
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
