/** The decision about a start with one mistake each. Evidence is misread, or a verdict is replaced. */
import {
  decideStart,
  type Evidence,
  type LoggedStage,
  type StartVerdict,
} from '../../src/machines/start-decision.ts';

export type Decide = typeof decideStart;

const misread =
  (change: (seen: Evidence) => Partial<Evidence>): Decide =>
  (stage, seen) =>
    decideStart(stage, { ...seen, ...change(seen) });
const replace =
  (change: (verdict: StartVerdict, stage: LoggedStage, seen: Evidence) => StartVerdict): Decide =>
  (stage, seen) =>
    change(decideStart(stage, seen), stage, seen);
const asStage =
  (from: LoggedStage, to: LoggedStage): Decide =>
  (stage, seen) =>
    decideStart(stage === from ? to : stage, seen);
const LOST: StartVerdict = { act: 'recordLost', reason: 'x', maybeRan: true };

export const MUTANTS: Readonly<Record<string, Decide>> = {
  'takes an unknown tree for dead': misread(({ tree }) =>
    tree === 'unknown' ? { tree: 'dead' } : {},
  ),
  'takes an unknown tree for alive': misread(({ tree }) =>
    tree === 'unknown' ? { tree: 'alive' } : {},
  ),
  'takes an unknown shim for dead': misread(({ claim }) =>
    claim === 'unknown' ? { claim: 'dead' } : {},
  ),
  'takes an unknown shim for alive': misread(({ claim }) =>
    claim === 'unknown' ? { claim: 'alive' } : {},
  ),
  'does not look at the tree': misread(() => ({ tree: 'dead' })),
  'does not look at the shim': misread(() => ({ claim: 'none' })),
  'does not honour an abort': misread(({ fate }) => (fate === 'abort' ? { fate: 'none' } : {})),
  'forgets a launch': misread(({ fate }) => (fate === 'launch' ? { fate: 'none' } : {})),
  'takes a launch for an abort': misread(({ fate }) =>
    fate === 'launch' ? { fate: 'abort' } : {},
  ),
  'takes an abort for a launch': misread(({ fate }) =>
    fate === 'abort' ? { fate: 'launch' } : {},
  ),
  'trusts the pids of another boot': misread(() => ({ epoch: 'same' })),
  'takes every agent start for a reboot': misread(() => ({ epoch: 'changed' })),
  'overlooks an exit record': misread(() => ({ exit: 'none' })),
  'believes a corrupt exit record': misread(({ exit }) =>
    exit === 'corrupt' ? { exit: 'valid' } : {},
  ),
  'does not look whether an intent is whole': misread(() => ({ dir: 'whole' })),
  'overlooks an intent': misread(() => ({ dir: 'none' })),
  'starts again what was started': asStage('started', 'starting'),
  'takes what is starting for started': asStage('starting', 'started'),
  'cleans up before the leftovers are dead': asStage('ended', 'cleaned'),
  'removes a run that is under way': asStage('started', 'cleaned'),
  'settles a run that is under way': asStage('started', 'ended'),
  'rebuilds what the log knows': asStage('starting', 'none'),
  'kills instead of adopting': replace((verdict) =>
    verdict.act === 'adopt' ? { act: 'killAndLose', reason: 'x' } : verdict,
  ),
  'adopts instead of killing': replace((verdict) =>
    verdict.act === 'killAndLose' ? { act: 'adopt' } : verdict,
  ),
  'starts instead of waiting': replace((verdict) =>
    verdict.act === 'wait' ? { act: 'launch' } : verdict,
  ),
  'kills instead of waiting': replace((verdict) =>
    verdict.act === 'wait' ? { act: 'killAndLose', reason: 'x' } : verdict,
  ),
  'gives up instead of waiting': replace((verdict, stage) =>
    verdict.act === 'wait' && stage !== 'none' ? LOST : verdict,
  ),
  'gives up instead of killing first': replace((verdict) =>
    verdict.act === 'killAndLose' ? LOST : verdict,
  ),
  'gives up instead of starting': replace((verdict) => (verdict.act === 'launch' ? LOST : verdict)),
  'waits instead of starting': replace((verdict) =>
    verdict.act === 'launch' ? { act: 'wait', reason: 'x' } : verdict,
  ),
  'waits for ever for an end that is known': replace((verdict) =>
    verdict.act === 'recordLost' ? { act: 'wait', reason: 'x' } : verdict,
  ),
  'starts what was aborted': replace((verdict) =>
    verdict.act === 'recordAborted' ? { act: 'launch' } : verdict,
  ),
  'denies a start that may have happened': replace((verdict, stage) =>
    verdict.act === 'recordLost' && stage === 'starting' ? { act: 'recordAborted' } : verdict,
  ),
  'says that what was lost never ran': replace((verdict) =>
    verdict.act === 'recordLost' ? { ...verdict, maybeRan: false } : verdict,
  ),
  'removes instead of rebuilding': replace((verdict) =>
    verdict.act === 'rebuild' ? { act: 'remove' } : verdict,
  ),
  'makes room beside what lives of an aborted start': replace(
    (verdict, stage, { fate, exit, epoch }) =>
      stage === 'starting' && fate === 'abort' && exit !== 'valid' && epoch === 'same'
        ? { act: 'recordAborted' }
        : verdict,
  ),
};
