/**
 * Which workload comes by which crash point, and how often. Found out by playing each workload, first unharmed, then
 * with the openers that lead to the points which only a recovery reaches. A point that nothing leads to fails the run.
 */
import type { CaseResult, CaseSpec } from './case.ts';
import { noContainersBecause } from '../processes/container-rig.ts';
import { planText, RIG, type Strike } from './plan.ts';
import { WORKLOADS, type WorkloadName } from './workloads.ts';

/** A way to a point: after these strikes the workload arrives there so often. */
export interface Way {
  readonly workload: WorkloadName;
  readonly opening: readonly Strike[];
  readonly arrivals: number;
}

export type Census = ReadonlyMap<string, readonly Way[]>;

const strike = (
  point: string,
  action: Strike['action'],
  { nth = 1, ms = 0 }: { nth?: number; ms?: number } = {},
): Strike => ({ point, nth, action, ms });

const OPENINGS: readonly (readonly [WorkloadName, readonly Strike[]])[] = [
  ...WORKLOADS.filter((name) => name !== 'alone').map((name) => [name, []] as const),
  // The pair runs on: the next agent adopts it.
  ['service', [strike('agent.cleanup.begun', 'kill')]],
  ['service', [strike('agent.kill.begun', 'kill')]],
  // The next agent must look whether anything was started.
  ['batch', [strike('agent.launch.asked', 'kill')]],
  ['service', [strike('executor.end.told', 'kill')]],
  ['service', [strike('logmon.splice.after', 'kill', { nth: 3 })]],
  // A stop meets a start that has not come to its verdict.
  ['hasty', [strike('shim.fate.before', 'delay', { ms: 600 })]],
  ['batch', [strike('executor.intent.written', 'error')]],
  // A host finds a container that nobody will ever let go, and one that somebody has to.
  ['isolated', [strike('shim.container.created', 'kill')]],
  ['isolated', [strike('shim.container.identified', 'kill')]],
  // The next agent has the secrets of a start that is recorded fetched again.
  ['changing', [strike('agent.launch.begun', 'kill')]],
  // An executor host sees to the output itself.
  ['alone', [strike('agent.watch.begun', 'kill'), strike(RIG, 'kill-logmon')]],
  // The next agent begins in safe mode.
  ['tidy', [strike('agent.accept.settled', 'kill')]],
];

/** Where no containers or networks can be made, nothing comes by the points that are about them. */
export function isPossible(what: string): boolean {
  if (what === 'joined' || what.includes('.network.')) return process.geteuid?.() === 0;
  // Only a container engine leads there: test/docker/ has its own kills.
  if (/^(?:dockerlogger|agent\.(?:output|leftover))\./.test(what)) return false;
  const isOfContainers = what === 'isolated' || what.includes('.container.');
  return !isOfContainers || noContainersBecause() === undefined;
}

export function censusCases(): readonly CaseSpec[] {
  return OPENINGS.filter(([workload]) => isPossible(workload)).map(([workload, plan]) => {
    return { id: planText(workload, plan), axis: 'census', workload, plan };
  });
}

/** `results` are those of `censusCases`. */
export function takeCensus(results: readonly CaseResult[]): Census {
  const census = new Map<string, Way[]>();
  for (const { spec, reached } of results) {
    for (const [point, arrivals] of reached) {
      const ways = census.get(point) ?? [];
      census.set(point, ways);
      // Where the unharmed workload comes by, no opening is needed.
      if (spec.plan.length > 0 && ways.some(({ opening }) => opening.length === 0)) continue;
      ways.push({ workload: spec.workload, opening: spec.plan, arrivals });
    }
  }
  return census;
}
