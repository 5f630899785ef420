/**
 * What follows for an alloc from how its tasks stand: which gate opens, what ends it, and as what it has ended. Order
 * and texts of the rules are Nomad's (`client/allocrunner/alloc_runner.go`, `tasklifecycle/coordinator.go`).
 */
import type { AllocEvent } from '../events/alloc-event.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import { firstGates, killAtOf, type AllocMaker, type AllocTools } from './alloc-facts.ts';
import type { AllocContext, AllocState } from './alloc-machine.ts';
import type { TaskStanding } from './alloc-messages.ts';
import type { Facts } from './chart-parts.ts';

/** A task of the alloc, as it was asked for and as it stands. */
interface Member extends TaskStanding {
  readonly spec: Pick<TaskSpec, 'gate' | 'isSidecar' | 'isLeader'>;
  /** It has ended in this life of the alloc, and that stays so: one that waits to be begun anew has not. */
  readonly isOver: boolean;
}

type Stop = Omit<Facts<AllocEvent, 'AllocStopping'>, 'isWished'>;

export function decideStandings(
  standings: readonly TaskStanding[],
  { value, context }: AllocState,
  make: AllocMaker,
  tools: AllocTools,
): readonly AllocEvent[] {
  const members = membersOf(standings, context);
  switch (value) {
    case 'restarting': {
      if (!isAllOver(members.filter(isBeforePoststop))) return [];
      return [make('AllocRestarted', {}), ...firstGates(context.spec, make)];
    }
    case 'stopping':
    case 'poststop':
      return decideEnding(members, value, context, make, tools);
    case 'prestart':
    case 'main':
    case 'poststart':
      return decideLiving(members, value, context, make, tools);
    default:
      return [];
  }
}

function decideLiving(
  members: readonly Member[],
  value: 'prestart' | 'main' | 'poststart',
  context: AllocContext,
  make: AllocMaker,
  tools: AllocTools,
): readonly AllocEvent[] {
  if (isAllOver(members)) return [allocStopped(members, context, make, tools)];
  const early = members.filter(isBeforePoststop);
  if (isAllOver(early) && value !== 'prestart') return [make('AllocPoststopOpened', {})];
  if (isAllOver(early) && early.every(({ outcome }) => outcome === 'complete')) {
    return [make('AllocGateOpened', { gate: 'main' }), make('AllocPoststopOpened', {})];
  }
  const stop = causeOfEnd(members) ?? (value === 'prestart' ? causeOfCut(members) : undefined);
  if (stop === undefined) return nextGate(members, value, make);
  return [make('AllocStopping', { ...stop, isWished: false, ...killAtOf(context.spec, tools) })];
}

function membersOf(standings: readonly TaskStanding[], context: AllocContext): readonly Member[] {
  const specs = new Map(context.spec?.tasks.map((task) => [task.name, task]));
  const leaving = new Set(context.removedTasks?.map(({ name }) => name));
  return standings.map((standing) => {
    if (leaving.has(standing.task)) return leavingMember(standing);
    // What was said of a life before the newest restart of the alloc says nothing of this one.
    const isCurrent = standing.revival >= (context.restarts ?? 0);
    return {
      ...standing,
      spec: specs.get(standing.task) ?? { gate: 'main' },
      isOver: isCurrent && standing.isDead,
      isRunning: isCurrent && standing.isRunning,
      hasStarted: isCurrent && standing.hasStarted,
    };
  });
}

/** Everybody waits until it is over, and however it ends says nothing of the alloc. */
function leavingMember(standing: TaskStanding): Member {
  return { ...standing, spec: { gate: 'main' }, isOver: standing.isDead, outcome: undefined };
}

function isBeforePoststop({ spec }: Member): boolean {
  return spec.gate !== 'poststop';
}
function isAllOver(members: readonly Member[]): boolean {
  return members.every(({ isOver }) => isOver);
}
function hasFailed({ isOver, outcome }: Member): boolean {
  return isOver && (outcome === 'failed' || outcome === 'lost');
}

function allocStopped(
  members: readonly Member[],
  context: AllocContext,
  make: AllocMaker,
  { steady }: AllocTools,
): AllocEvent {
  return make('AllocStopped', { ...rollUp(members, context), endedAt: steady });
}

function decideEnding(
  members: readonly Member[],
  value: string,
  context: AllocContext,
  make: AllocMaker,
  tools: AllocTools,
): readonly AllocEvent[] {
  if (isAllOver(members)) return [allocStopped(members, context, make, tools)];
  if (value === 'poststop' || !isAllOver(members.filter(isBeforePoststop))) return [];
  const isPoststopEnded = context.isPoststopOpen === true || context.cause === 'duration';
  return isPoststopEnded ? [] : [make('AllocPoststopOpened', {})];
}

/** Why the others have to end, if they have to. The leader's end comes before a failure, as in Nomad. */
function causeOfEnd(members: readonly Member[]): Stop | undefined {
  const leader = members.find(({ spec, isOver }) => spec.isLeader === true && isOver);
  if (leader !== undefined) {
    return { reason: 'Leader Task in Group dead', cause: 'leader', task: leader.task };
  }
  const early = members.filter(isBeforePoststop);
  const failure = early.find(hasFailed);
  if (failure !== undefined) {
    const { task } = failure;
    const reason = `Task's sibling "${task}" failed: ${failure.reason}`;
    return { reason, cause: 'sibling', task };
  }
  const workers = early.filter(({ spec }) => spec.isSidecar !== true);
  if (workers.length > 0 && isAllOver(workers)) {
    return { reason: 'Main tasks in the group died', cause: 'mains' };
  }
  return undefined;
}

function nextGate(
  members: readonly Member[],
  value: 'prestart' | 'main' | 'poststart',
  make: AllocMaker,
): readonly AllocEvent[] {
  const behind = (gate: string): readonly Member[] =>
    members.filter(({ spec }) => spec.gate === gate);
  if (value === 'prestart') {
    return behind('prestart').every(isReady) ? [make('AllocGateOpened', { gate: 'main' })] : [];
  }
  const isBegun = behind('main').every(({ hasStarted, isOver }) => hasStarted || isOver);
  const opens = value === 'main' && behind('poststart').length > 0 && isBegun;
  return opens ? [make('AllocPoststartOpened', {})] : [];
}

/** The main tasks may count on it. */
function isReady({ spec, isOver, isRunning }: Member): boolean {
  return spec.isSidecar === true ? isRunning : isOver;
}
/** The main tasks cannot count any more on a prestart task that was stopped, or on a sidecar that has ended. */
function causeOfCut(members: readonly Member[]): Stop | undefined {
  const cut = members.find(
    ({ spec, isOver, outcome }) =>
      spec.gate === 'prestart' && isOver && (outcome !== 'complete' || spec.isSidecar === true),
  );
  if (cut === undefined) return undefined;
  const { task, spec } = cut;
  const what =
    spec.isSidecar === true
      ? `Prestart sidecar "${task}" ended before the main tasks began`
      : `Prestart task "${task}" did not complete`;
  return { reason: `${what}: ${cut.reason}`, cause: 'sibling', task };
}

/**
 * Any failed task fails the alloc; what somebody stopped is stopped; else it is complete (Nomad's order).
 * Tasks that end because another one has are not stopped by anybody, and one whose time was up has done what it could.
 */
function rollUp(
  members: readonly Member[],
  context: AllocContext,
): Facts<AllocEvent, 'AllocStopped'> {
  const { isStopWished, cause } = context;
  if (cause === 'duration' && !isStopWished) return { status: 'complete', reason: context.reason };
  const failed = members.find(({ outcome }) => outcome === 'failed');
  if (failed !== undefined) return { status: 'failed', reason: `${failed.task}: ${failed.reason}` };
  const lost = members.find(({ outcome }) => outcome === 'lost');
  if (lost !== undefined) return { status: 'lost', reason: `${lost.task}: ${lost.reason}` };
  const stopped = members.find((one) => one.outcome === 'stopped' && isByHand(one, context));
  if (stopped !== undefined) return { status: 'stopped', reason: context.reason || stopped.reason };
  return { status: 'complete', reason: 'All tasks have completed' };
}

/** Whether its stop was somebody's and did not follow from another task's end. */
function isByHand({ spec }: Member, { isStopWished, cause }: AllocContext): boolean {
  if (isStopWished || (cause !== 'leader' && cause !== 'mains')) return true;
  return cause === 'leader' ? spec.isLeader === true : spec.isSidecar !== true;
}
