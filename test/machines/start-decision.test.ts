/** All 3,240 combinations of what the log says and what is seen, against a predicate that knows nothing of the rules. */
import { describe, expect, it } from 'vitest';
import {
  decideStart,
  type Evidence,
  type LoggedStage,
  type StartVerdict,
} from '../../src/machines/start-decision.ts';
import { type Decide, MUTANTS } from './start-mutants.ts';

interface Row {
  readonly stage: LoggedStage;
  readonly seen: Evidence;
  readonly verdict: StartVerdict;
}

const STAGES = ['none', 'starting', 'started', 'ended', 'cleaned'] as const;

function allRows(decide: Decide): readonly Row[] {
  const rows: Row[] = [];
  for (const stage of STAGES)
    for (const epoch of ['same', 'changed'] as const)
      for (const dir of ['none', 'partial', 'whole'] as const)
        for (const claim of ['none', 'alive', 'dead', 'unknown'] as const)
          for (const fate of ['none', 'launch', 'abort'] as const)
            for (const exit of ['none', 'valid', 'corrupt'] as const)
              for (const tree of ['dead', 'alive', 'unknown'] as const) {
                const seen = { epoch, dir, claim, fate, exit, tree };
                rows.push({ stage, seen, verdict: decide(stage, seen) });
              }
  return rows;
}

const ROWS = allRows(decideStart);
const ACTS: readonly StartVerdict['act'][] = [
  'launch',
  'adopt',
  'recordExit',
  'recordAborted',
  'recordLost',
  'killAndLose',
  'wait',
  'settle',
  'remove',
  'rebuild',
];

/** Pids of another boot name nothing: after a restart of the machine nothing of before lives, whatever a look says. */
const mayLive = ({ epoch, claim, tree }: Evidence): boolean =>
  epoch === 'same' && (claim === 'alive' || claim === 'unknown' || tree !== 'dead');
const isBlind = ({ epoch, claim, tree }: Evidence): boolean =>
  epoch === 'same' &&
  claim !== 'alive' &&
  tree !== 'alive' &&
  (claim === 'unknown' || tree === 'unknown');
const isOpen = (stage: LoggedStage): boolean => stage === 'starting' || stage === 'started';
const lives = ({ epoch, claim, tree }: Evidence): boolean =>
  epoch === 'same' && (claim === 'alive' || tree === 'alive');
const isKnown = ({ epoch, claim, tree }: Evidence): boolean =>
  epoch === 'changed' || (claim !== 'unknown' && tree !== 'unknown');

/**
 * What is wrong with a verdict, judged by what it would do to the world; undefined when nothing is. Written from the
 * promises, not from the rules: one launch of a run, one live run of a task, one end that nobody invented, nothing
 * killed that may go on, and no waiting for what is known.
 */
function harm({ stage, seen, verdict }: Row): string | undefined {
  const { act } = verdict;
  if (!ACTS.includes(act)) return 'no known verdict';
  if (isOpen(stage) && seen.exit === 'valid') {
    return act === 'recordExit' ? undefined : 'an exit status on disk is not believed';
  }
  switch (act) {
    case 'launch':
      if (stage !== 'starting') return 'starts what is not to be started now';
      if (seen.fate !== 'none') return 'starts although its fate is sealed';
      if (seen.epoch === 'changed') return 'starts what may have run before the machine restarted';
      return mayLive(seen) ? 'starts a second program' : undefined;
    case 'adopt':
      if (!isOpen(stage) || seen.epoch === 'changed') return 'watches what cannot be there';
      if (seen.fate !== 'launch') return 'watches what nobody launched';
      return lives(seen) ? undefined : 'watches nothing';
    case 'recordExit':
      return 'records an exit status that is not there';
    case 'recordAborted':
      if (stage !== 'starting') return 'denies a start that is on record';
      if (seen.fate !== 'abort') return 'denies a start without proof';
      return mayLive(seen) ? 'makes room for another start beside what may live' : undefined;
    case 'recordLost':
      return harmOfLoss(stage, seen, verdict.maybeRan);
    case 'killAndLose':
      if (!isOpen(stage) || seen.epoch === 'changed') return 'kills what is not its own';
      if (isBlind(seen)) return 'kills blindly';
      if (seen.fate === 'launch') return 'kills what could be adopted';
      return lives(seen) ? undefined : 'kills nothing';
    case 'wait':
      return harmOfWaiting(stage, seen);
    case 'settle':
      return stage === 'ended' ? undefined : 'settles what has not ended';
    case 'remove':
      if (stage === 'cleaned') return undefined;
      if (stage !== 'none') return 'removes what is needed';
      return seen.dir === 'whole' || mayLive(seen) ? 'removes what may be needed' : undefined;
    case 'rebuild':
      return stage === 'none' && seen.dir === 'whole' ? undefined : 'rebuilds without an intent';
  }
}

/** A loss is final: the task may be started again, or never. */
function harmOfLoss(stage: LoggedStage, seen: Evidence, maybeRan: boolean): string | undefined {
  if (!isOpen(stage)) return 'loses what is not open';
  if (mayLive(seen)) return 'gives up what may live';
  if (stage === 'starting' && seen.fate === 'abort') return 'loses what was proved never to run';
  if (stage === 'starting' && seen.fate === 'none' && seen.epoch === 'same') {
    return 'loses what was never begun';
  }
  return maybeRan ? undefined : 'says without proof that nothing ran';
}

/** Only for what cannot be told, for a start that is under way, or for a live run that names no task. */
function harmOfWaiting(stage: LoggedStage, seen: Evidence): string | undefined {
  if (stage === 'ended' || stage === 'cleaned') return 'waits although the end is known';
  if (!isKnown(seen)) return undefined;
  if (stage === 'none' && seen.dir !== 'whole' && mayLive({ ...seen, epoch: 'same' }))
    return undefined;
  if (stage === 'starting' && seen.fate === 'none' && seen.claim === 'alive') return undefined;
  return 'waits although all is known';
}

const harmsOf = (decide: Decide): readonly string[] =>
  allRows(decide).flatMap((row) => {
    const found = harm(row);
    return found === undefined ? [] : [`${found}: ${JSON.stringify(row)}`];
  });

describe('the decision about a start', () => {
  it('gives exactly one verdict for each of 3,240 combinations, the same each time', () => {
    expect(ROWS).toHaveLength(3_240);
    for (const { stage, seen, verdict } of ROWS) {
      expect(decideStart(stage, { ...seen })).toEqual(verdict);
    }
  });

  it('harms nothing in any combination', () => {
    expect(harmsOf(decideStart)).toEqual([]);
  });

  it('never starts and never kills while something is unknown', () => {
    const blind = ROWS.filter(({ seen }) => isBlind(seen));
    expect(blind.length).toBeGreaterThan(0);
    for (const { verdict } of blind) expect(['launch', 'killAndLose']).not.toContain(verdict.act);
  });

  it('waits only where something may live, and says what it cannot tell', () => {
    for (const { verdict } of ROWS) {
      if (verdict.act === 'wait') expect(verdict.reason).toMatch(/^cannot tell: /);
    }
  });

  it('counts a run as having run wherever a program was launched', () => {
    for (const { seen, verdict } of ROWS) {
      if (verdict.act === 'recordLost' && seen.fate === 'launch') {
        expect(verdict.maybeRan).toBe(true);
      }
    }
  });

  it('comes to an end for every run of which everything is known', () => {
    const known = ROWS.filter(({ stage, seen }) => isOpen(stage) && !mayLive(seen));
    const ends = ['launch', 'recordExit', 'recordAborted', 'recordLost'];
    for (const row of known) expect(ends, JSON.stringify(row)).toContain(row.verdict.act);
  });

  it('takes a corrupt exit record for none at all, and says that it is damaged', () => {
    const reasons = new Set<string>();
    for (const { stage, seen, verdict } of ROWS) {
      if (seen.exit !== 'corrupt') continue;
      const { act } = verdict;
      expect(decideStart(stage, { ...seen, exit: 'none' })).toMatchObject({ act });
      if (act === 'recordLost') reasons.add(verdict.reason);
    }
    expect(reasons).toContain('its exit record is damaged: nobody knows the exit status');
    expect(reasons).not.toContain('the shim ended without writing an exit status');
  });
});

describe('the judgement of verdicts', () => {
  it.each(Object.keys(MUTANTS))('finds one that %s', (name) => {
    expect(harmsOf(MUTANTS[name] as Decide)).not.toEqual([]);
  });
});
