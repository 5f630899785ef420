/** Which command a fact follows from, where somebody asked for it. */
import type { Fact } from './fact.ts';

/** By the fact that it led to. Facts that come of something else too are told apart by what they say. */
const COMMANDS: Readonly<Record<string, string>> = {
  AllocReceived: 'run',
  AllocUpdated: 'run',
  AllocStopping: 'stop',
  AllocRestarting: 'restart',
  TaskSignaled: 'signal',
  TaskResumed: 'resume',
};

/** As `local/commands.ts` says it. */
const REASONS: Readonly<Record<string, string>> = {
  'stopped by a command': 'stop',
  'restarted by a command': 'restart',
};

/** The last one before `fact` that was about its alloc, and about its task if it was about one at all. */
export function askedFor(
  fact: Fact,
  facts: readonly Fact[],
  allocId: string,
): Extract<Fact, { type: 'CommandReceived' }> | undefined {
  const command = commandOf(fact);
  if (command === undefined) return undefined;
  return facts.findLast(
    (one): one is Extract<Fact, { type: 'CommandReceived' }> =>
      one.position < fact.position &&
      one.type === 'CommandReceived' &&
      one.data.command === command &&
      one.data.allocIds.includes(allocId) &&
      (one.data.task === null || one.data.task === fact.task),
  );
}

function commandOf(fact: Fact): string | undefined {
  if (fact.type === 'AllocStopping' && !fact.data.isWished) return undefined;
  if (fact.type === 'TaskKilling') return REASONS[fact.data.reason];
  return COMMANDS[fact.type];
}
