/** Commands that hooks run beside programs: as those of a person, read to their end by nobody but us. */
import type { AgentDoors } from '../actors/agent-doors.ts';
import { HoldfastError } from '../errors.ts';
import { exec, type ExecDoors } from './exec.ts';
import { execUnrecorded } from './exec-unrecorded.ts';

const KEPT_BYTES = 4_096;

type RunBeside = AgentDoors['runBeside'];

type Closing = Pick<ExecDoors, 'agent' | 'roster'> & {
  /** Aborts when the orchestrator is closing. */
  readonly signal: AbortSignal;
};

/** `doorsOf` is asked for each command: the doors are made of what this is part of. */
export function besideOf(doorsOf: () => Closing): RunBeside {
  return (...asked) => {
    const { signal, ...doors } = doorsOf();
    return runBeside({ ...doors, assertOpen: () => signal.throwIfAborted() }, ...asked);
  };
}

async function runBeside(
  doors: ExecDoors,
  ...[ref, argv, { timeoutMs, signal, actor, slot }]: Parameters<RunBeside>
): ReturnType<RunBeside> {
  const { clock } = doors.agent;
  const timeUp = new AbortController();
  const late = new HoldfastError('TIMEOUT', `${argv[0]} took longer than ${timeoutMs / 1000} s`);
  const cancel = clock.at(clock.steady() + timeoutMs, () => timeUp.abort(late));
  const either = AbortSignal.any([signal, timeUp.signal]);
  try {
    const session = await (slot === undefined
      ? exec(doors, ref, argv, { actor, signal: either })
      : execUnrecorded(doors, ref, argv, { slot, signal: either }));
    let kept = Buffer.alloc(0);
    for await (const { data } of session.output) {
      kept = Buffer.concat([kept, data]).subarray(-KEPT_BYTES);
    }
    timeUp.signal.throwIfAborted();
    const { exitCode, signal: endedBy } = await session.exit;
    return { exitCode, signal: endedBy, output: kept.toString('utf8') };
  } catch (error) {
    either.throwIfAborted();
    throw error;
  } finally {
    cancel();
  }
}
