/** All 3,240 combinations of what the log says and what is seen, against a predicate that knows nothing of the rules. */
import { describe, expect, it } from 'vitest';
import {
  decideStart,
  type Evidence,
  type LoggedStage,
  type StartVerdict,
} from '../../src/machines/start-decision.ts';

interface Row {
  readonly stage: LoggedStage;
  readonly seen: Evidence;
  readonly verdict: StartVerdict;
}

const STAGES = ['none', 'starting', 'started', 'ended', 'cleaned'] as const;

function allRows(): readonly Row[] {
  const rows: Row[] = [];
  for (const stage of STAGES)
    for (const epoch of ['same', 'changed'] as const)
      for (const dir of ['none', 'partial', 'whole'] as const)
        for (const claim of ['none', 'alive', 'dead', 'unknown'] as const)
          for (const fate of ['none', 'launch', 'abort'] as const)
            for (const exit of ['none', 'valid', 'corrupt'] as const)
              for (const tree of ['dead', 'alive', 'unknown'] as const) {
                const seen = { epoch, dir, claim, fate, exit, tree };
                rows.push({ stage, seen, verdict: decideStart(stage, seen) });
              }
  return rows;
}

const ROWS = allRows();
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

/** What is wrong with a verdict, judged by what it would do to the world; undefined when nothing is. */
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
      return seen.claim === 'alive' || seen.tree === 'alive' ? undefined : 'watches nothing';
    case 'recordExit':
      return 'records an exit status that is not there';
    case 'recordAborted':
      if (stage !== 'starting') return 'denies a start that is on record';
      return seen.fate === 'abort' ? undefined : 'denies a start without proof';
    case 'recordLost':
      if (!isOpen(stage)) return 'loses what is not open';
      return mayLive(seen) ? 'gives up what may live' : undefined;
    case 'killAndLose':
      if (!isOpen(stage) || seen.epoch === 'changed') return 'kills what is not its own';
      if (isBlind(seen)) return 'kills blindly';
      return seen.claim === 'alive' || seen.tree === 'alive' ? undefined : 'kills nothing';
    case 'wait':
      if (stage === 'ended' || stage === 'cleaned') return 'waits although the end is known';
      return mayLive(seen) || seen.dir !== 'whole' ? undefined : 'waits although all is known';
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

describe('the decision about a start', () => {
  it('gives exactly one verdict for each of 3,240 combinations, the same each time', () => {
    expect(ROWS).toHaveLength(3_240);
    for (const { stage, seen, verdict } of ROWS) {
      expect(decideStart(stage, { ...seen })).toEqual(verdict);
    }
  });

  it('harms nothing in any combination', () => {
    const harmful = ROWS.flatMap((row) => {
      const found = harm(row);
      return found === undefined ? [] : [`${found}: ${JSON.stringify(row)}`];
    });
    expect(harmful).toEqual([]);
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
});
