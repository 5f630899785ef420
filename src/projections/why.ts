/**
 * Why an alloc or a task is as it is: from its newest fact back, each link to the fact that set it off. Nothing is
 * guessed: where the log names no cause, the chain ends.
 */
import type { PublicEvent } from '../api.ts';
import { NOT_NEEDED, UPDATING } from '../machines/alloc-facts.ts';
import { signalName } from '../spec/signal-names.ts';
import type { Cause, WhyChain } from '../api/task-history.ts';
import { askedFor } from './asked-for.ts';
import { asFact, type Fact } from './fact.ts';
import { factText } from './fact-text.ts';

/** Longer chains go round: run 3 was started because run 2 ended, which was started … */
const MOST_LINKS = 12;

type OfType<T extends Fact['type']> = Extract<Fact, { type: T }>;

const ENDS = ['TaskExited', 'TaskLost', 'TaskStartFailed', 'HookFailed'] as const;
/** Facts that say how a task stands; the newest of them is what is asked about. */
const STANDINGS = [
  ...ENDS,
  'TaskReceived',
  'GateOpened',
  'TaskStarted',
  'TaskReattached',
  'TaskKilling',
  'TaskKilled',
  'TaskRestarting',
  'TaskNotRestarting',
  'TaskHeld',
  'TaskResumed',
  'TaskRevived',
  'TaskStuck',
  'DriverMessage',
] as const satisfies readonly Fact['type'][];
const ALLOC_STANDINGS = [
  'AllocReceived',
  'AllocStopping',
  'AllocUpdated',
  'AllocReplacing',
  'AllocReplaced',
  'AllocRestarting',
  'AllocRestarted',
  'AllocStopped',
] as const satisfies readonly Fact['type'][];

/** `events` are those of the alloc, of its tasks and of the node, in order. Without a task: of the alloc itself. */
export function whyChain(
  events: readonly PublicEvent[],
  about: { readonly alloc: string; readonly allocId: string; readonly task: string | null },
): WhyChain {
  const facts = events.map(asFact);
  const look = new Past(facts, about.allocId);
  const { task } = about;
  let next: Fact | undefined =
    task === null
      ? look.newestOf(null, ALLOC_STANDINGS)
      : look.newestOf(task, STANDINGS, Infinity, isStanding);
  const causes: Cause[] = [];
  while (next !== undefined && causes.length < MOST_LINKS) {
    causes.push(linkOf(next));
    next = causeOf(next, look) ?? askedFor(next, facts, about.allocId);
  }
  return { ...about, causes };
}

/** Of what a driver says only that a start waits for it is about how the task stands. */
function isStanding(fact: Fact): boolean {
  return fact.type !== 'DriverMessage' || fact.data.type === 'waits';
}

function linkOf(fact: Fact): Cause {
  const { position, time, alloc, task, run, type } = fact;
  return { position, time, alloc, task, run, type, text: factText(fact) };
}

class Past {
  readonly #facts: readonly Fact[];
  readonly #allocId: string;

  constructor(facts: readonly Fact[], allocId: string) {
    this.#facts = facts;
    this.#allocId = allocId;
  }

  newestOf<T extends Fact['type']>(
    task: string | null,
    types: readonly T[],
    before: number = Infinity,
    isWanted: (fact: OfType<T>) => boolean = () => true,
  ): OfType<T> | undefined {
    return this.#facts.findLast(
      (fact): fact is OfType<T> =>
        fact.position < before &&
        fact.allocId === this.#allocId &&
        fact.task === task &&
        (types as readonly string[]).includes(fact.type) &&
        isWanted(fact as OfType<T>),
    );
  }

  /** Of any task. */
  lastEnd(before: number): Fact | undefined {
    return this.#facts.findLast(
      ({ position, allocId, type }) =>
        position < before && allocId === this.#allocId && type === 'TaskNotRestarting',
    );
  }

  ofNode<T extends Fact['type']>(
    types: readonly T[],
    after: number,
    before: number,
    isWanted: (fact: OfType<T>) => boolean = () => true,
  ): OfType<T> | undefined {
    return this.#facts.findLast(
      (fact): fact is OfType<T> =>
        fact.position < before &&
        fact.position > after &&
        fact.allocId === null &&
        (types as readonly string[]).includes(fact.type) &&
        isWanted(fact as OfType<T>),
    );
  }
}

function causeOf(fact: Fact, past: Past): Fact | undefined {
  const { task, position } = fact;
  switch (fact.type) {
    case 'AllocStopped':
      return past.newestOf(null, ['AllocStopping'], position) ?? worstEnd(fact, past);
    case 'AllocStopping':
      return endOfSibling(fact, past);
    case 'AllocRestarted':
      return past.newestOf(null, ['AllocRestarting'], position);
    case 'AllocReplaced':
      return past.newestOf(null, ['AllocReplacing'], position);
    case 'AllocReplacing':
      return past.newestOf(null, ['AllocReceived'], position);
    case 'TaskNotRestarting':
    case 'TaskHeld':
      return past.newestOf(task, ENDS, position);
    case 'TaskRestarting':
      return past.newestOf(task, [...ENDS, 'TaskKilling'], position);
    case 'TaskKilled':
    case 'TaskStuck':
      return past.newestOf(task, ['TaskExited', 'TaskLost', 'TaskKilling'], position);
    case 'TaskReattached':
      return past.newestOf(task, ['TaskStarted'], position);
    case 'TaskStarted':
    case 'TaskStartFailed':
    case 'HookFailed':
      return beginningOf(fact, past);
    case 'DriverMessage': {
      const { driver } = fact.data.details;
      const isIt = (one: OfType<'DriverFingerprinted'>): boolean => one.data.driver === driver;
      return past.ofNode(['DriverFingerprinted'], 0, position, isIt);
    }
    case 'TaskRevived':
      return past.newestOf(null, ['AllocRestarting'], position);
    case 'TaskResumed':
      return past.newestOf(task, ['TaskHeld'], position);
    case 'TaskExited':
      return whatEnded(fact, past);
    case 'TaskLost':
      return past.ofNode(
        ['HostLost', 'AgentStarted', 'StoreDamaged'],
        startOf(fact, past),
        position,
      );
    case 'TaskKilling':
      return failedCheck(fact, past) ?? whoseWish(fact, past);
    default:
      return undefined;
  }
}

function startOf({ task, run, position }: Fact, past: Past): number {
  const begun = past.newestOf(task, ['RunStarting'], position, (fact) => fact.run === run);
  return begun?.position ?? 0;
}

/** A kill of this very run, or a signal that a program ends by: whatever came last. */
function whatEnded(fact: OfType<'TaskExited'>, past: Past): Fact | undefined {
  const { task, position, data } = fact;
  const begun = startOf(fact, past);
  const isAfter = (one: Fact): boolean => one.position > begun;
  const kill = past.newestOf(task, ['TaskKilling'], position, isAfter);
  if (kill !== undefined) return kill;
  if (data.oomKilled) return undefined;
  const byShell = data.exitCode === null ? undefined : signalName(String(data.exitCode - 128));
  const signal = data.signal ?? byShell;
  const isIt = (one: OfType<'TaskSignaled'>): boolean => isAfter(one) && one.data.signal === signal;
  return past.newestOf(task, ['TaskSignaled'], position, isIt);
}

/** A check that restarts its program is named in the reason of the kill. */
function failedCheck({ task, run, position, data }: OfType<'TaskKilling'>, past: Past) {
  const [, check] = /^healthcheck: check "(.*)" unhealthy$/s.exec(data.reason) ?? [];
  if (data.isCounted !== true || check === undefined) return undefined;
  const isIt = (fact: OfType<'CheckChanged'>): boolean =>
    fact.run === run && fact.data.check === check;
  return past.newestOf(task, ['CheckChanged'], position, isIt);
}

/** A kill because of the alloc says the alloc's reason. */
function whoseWish(fact: OfType<'TaskKilling'>, past: Past): Fact | undefined {
  const { task, position, data } = fact;
  const isByUpdate = data.reason === (data.then === 'restart' ? UPDATING : NOT_NEEDED);
  if (isByUpdate) return past.newestOf(null, ['AllocUpdated'], position);
  const wishes = ['AllocStopping', 'AllocRestarting'] as const;
  const wish = past.newestOf(null, wishes, position);
  const started = past.newestOf(task, ['TaskStarted', 'GateOpened'], position);
  if (wish === undefined || wish.position < (started?.position ?? 0)) return undefined;
  const isRestart = wish.type === 'AllocRestarting';
  return isRestart === (data.then === 'restart') || data.reason === wish.data.reason
    ? wish
    : undefined;
}

/** What let a task begin: a restart and what was before it, or the alloc's wish. */
function beginningOf(fact: Fact, past: Past): Fact | undefined {
  const { task, position } = fact;
  const before = past.newestOf(
    task,
    ['TaskRestarting', 'TaskRevived', 'TaskResumed', 'TaskReceived'],
    position,
  );
  if (before === undefined || before.type !== 'TaskReceived') return before;
  const wishes = ['AllocReceived', 'AllocReplaced', 'AllocUpdated'] as const;
  return past.newestOf(null, wishes, before.position);
}

function endOfSibling(fact: OfType<'AllocStopping'>, past: Past): Fact | undefined {
  const { task, cause } = fact.data;
  const over = ['TaskNotRestarting', 'TaskKilled'] as const;
  if (task !== undefined) return past.newestOf(task, [...over, ...ENDS], fact.position);
  // The first release did not say whose end it was, but named the task in its words.
  if (cause !== undefined || fact.data.isWished) return undefined;
  const named = /"([^"]+)"/.exec(fact.data.reason)?.[1];
  return named === undefined ? undefined : past.newestOf(named, [...over, ...ENDS], fact.position);
}

/** An alloc that nobody stopped is over because its tasks are: the one that it names, else the last. */
function worstEnd(fact: OfType<'AllocStopped'>, past: Past): Fact | undefined {
  const [, task] = /^([A-Za-z0-9][A-Za-z0-9_.-]*): /.exec(fact.data.reason) ?? [];
  const named = past.newestOf(task ?? null, ['TaskNotRestarting'], fact.position);
  return named ?? past.lastEnd(fact.position);
}
