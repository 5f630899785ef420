/**
 * What goes wrong in one case, and when. A plan is a list of strikes; each is aimed only after the one before it has
 * landed, so that the second of a pair falls into the recovery from the first. It lies as one small file per strike in
 * the case's directory, where every process of the case finds it, a shell script too.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Done by the process that reaches the point: end by SIGKILL, stop until it is continued, wait, fail. */
export const POINT_ACTIONS = ['kill', 'stop', 'delay', 'error'] as const;
export type PointAction = (typeof POINT_ACTIONS)[number];

/** Done by the rig: kill all processes of a kind, stop the agent and run another one, or start the machine anew. */
export const RIG_ACTIONS = [
  'kill-agent',
  'kill-executor',
  'kill-logmon',
  'kill-shim',
  'kill-run',
  'reuse-pids',
  'reboot',
  'rival',
  'usurper',
] as const;
export type RigAction = (typeof RIG_ACTIONS)[number];

export interface Strike {
  /** Name of a crash point; `rig` for what the rig does by itself. */
  readonly point: string;
  /** At which arrival at the point, counted over all processes since the strike before landed. */
  readonly nth: number;
  readonly action: PointAction | RigAction;
  /** How long a stop or a delay lasts; for the rig how long it waits before it strikes. */
  readonly ms: number;
}

export const RIG = 'rig';

/** Where the rig and the processes of a case meet. */
export interface CasePlaces {
  readonly caseDir: string;
  readonly dataDir: string;
  /** `<index>` holds one strike. */
  readonly planDir: string;
  /** `<index>` is made by the process that strikes and holds its pid. */
  readonly actedDir: string;
  /** A file for every point that was reached, with one byte for each arrival. */
  readonly reachedDir: string;
  /** `<index>.<n>` is made by the n-th arrival at the point of a strike. */
  readonly countDir: string;
  /** Appended to the machine epoch, while it exists. */
  readonly epochFile: string;
  readonly ledger: string;
  readonly locksDir: string;
  readonly doneFile: string;
}

export function placesOf(caseDir: string): CasePlaces {
  return {
    caseDir,
    dataDir: join(caseDir, 'd'),
    planDir: join(caseDir, 'plan'),
    actedDir: join(caseDir, 'acted'),
    reachedDir: join(caseDir, 'reached'),
    countDir: join(caseDir, 'count'),
    epochFile: join(caseDir, 'epoch'),
    ledger: join(caseDir, 'ledger'),
    locksDir: join(caseDir, 'locks'),
    doneFile: join(caseDir, 'done'),
  };
}

export function writePlan(places: CasePlaces, plan: readonly Strike[]): void {
  const { planDir, actedDir, reachedDir, countDir, locksDir } = places;
  for (const dir of [planDir, actedDir, reachedDir, countDir, locksDir]) {
    mkdirSync(dir, { recursive: true });
  }
  for (const [index, { point, nth, action, ms }] of plan.entries()) {
    writeFileSync(join(planDir, String(index)), `${point} ${nth} ${action} ${ms}\n`);
  }
}

/** How many strikes of the plan have landed. */
export function landed(places: CasePlaces): number {
  let count = 0;
  while (existsSync(join(places.actedDir, String(count)))) count += 1;
  return count;
}

/** The pid that struck, once it is written. */
export function strikerOf(places: CasePlaces, index: number): number | undefined {
  try {
    const pid = Number(readFileSync(join(places.actedDir, String(index)), 'utf8'));
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** How often each point was reached. */
export function arrivals(places: CasePlaces): ReadonlyMap<string, number> {
  const { reachedDir } = places;
  return new Map(
    readdirSync(reachedDir).map((point) => [point, statSync(join(reachedDir, point)).size]),
  );
}

/** A plan in one word, from which the case can be repeated: `service:agent.append.before#7=kill,rig#1=reboot@20`. */
export function planText(workload: string, plan: readonly Strike[]): string {
  const strikes = plan.map(
    ({ point, nth, action, ms }) => `${point}#${nth}=${action}${ms === 0 ? '' : `@${ms}`}`,
  );
  return `${workload}:${strikes.join(',')}`;
}

/** Throws for a word that `planText` does not write. */
export function parsePlan(text: string): { workload: string; plan: readonly Strike[] } {
  const [workload = '', rest = ''] = text.split(/:(.*)/s);
  const words = rest === '' ? [] : rest.split(',');
  const plan = words.map((word) => {
    const found = /^([a-z.-]+)#(\d+)=([a-z-]+)(?:@(\d+))?$/.exec(word);
    if (found === null) throw new Error(`${word} is no strike, such as agent.append.before#7=kill`);
    const [, point = '', nth, done, ms] = found;
    const known = [...POINT_ACTIONS, ...RIG_ACTIONS];
    const action = known.find((one) => one === done);
    if (action === undefined) throw new Error(`'${done}' is none of: ${known.join(' ')}`);
    return { point, nth: Number(nth), action, ms: Number(ms ?? 0) };
  });
  return { workload, plan };
}
