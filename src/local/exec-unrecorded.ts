/**
 * Commands beside tasks that are run so often that a record of each would fill the log: those of checks. Nothing tells
 * the next agent of one; its host ends what nobody reads, and the next one in its slot ends it first.
 */
import { HoldfastError, isRetryable } from '../errors.ts';
import { LocalSession } from './exec-session.ts';
import { type ExecDoors, ID_BYTES, openerOf, targetOf, whyOver } from './exec.ts';

export interface UnrecordedWish {
  readonly slot: string;
  readonly signal: AbortSignal;
}

/** Errors: WRONG_STATE, CAPABILITY_MISSING, COMMAND_NOT_FOUND, UNAVAILABLE. */
export async function execUnrecorded(
  doors: ExecDoors,
  ref: string,
  argv: readonly string[],
  { slot, signal }: UnrecordedWish,
): Promise<LocalSession> {
  doors.assertOpen();
  signal.throwIfAborted();
  const { agent } = doors;
  const { sessions } = agent;
  const target = targetOf(doors, ref);
  const openSession = openerOf(agent, target.task);
  const run = target.runNow();
  const session = agent.random.hex(ID_BYTES);
  const place = {
    id: session,
    launchKey: run.launchKey,
    allocId: run.allocId,
    task: run.task.name,
  };
  const plain = { env: {}, user: undefined, cwd: undefined, terminal: undefined };
  try {
    await openSession(run, { ...plain, session, argv, slot }, agent);
  } catch (error) {
    if (isRetryable(error)) sessions.keepUnrecorded(place, whyOver(error)).catch(() => undefined);
    throw error;
  }
  // crash point: agent.check.begun
  const end = sessions.keepUnrecorded(place);
  end.catch(() => undefined);
  const kept = { ...place, end };
  const reading = await sessions.read(kept, undefined).catch((error: unknown) => {
    if (!HoldfastError.is(error, 'NOT_FOUND')) throw error;
    throw new HoldfastError('UNAVAILABLE', 'the host of the command was lost', { cause: error });
  });
  return new LocalSession(sessions, kept, reading, { signal });
}
