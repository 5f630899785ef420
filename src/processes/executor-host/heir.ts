/**
 * The agent replaces a logmon host that died; while no agent lives, this does. A program whose output nobody collects
 * stops at a full pipe, and nobody can say when the next agent comes.
 */
import { HoldfastError, messageOf } from '../../errors.ts';
import { underClaim } from '../../rpc/host-claim.ts';
import type { HostContext } from '../../rpc/host-main.ts';
import type { CollectRequest } from '../../rpc/gen/holdfast/logmon/v1/logmon.ts';
import { handOver } from './hand-over.ts';

export interface HeirDoors extends Omit<HostContext, 'kind' | 'end'> {
  /** What nobody collects now. Asked once a second while no agent is there. */
  readonly neglected: () => readonly CollectRequest[];
}

const LOOK_MS = 1_000;
/** A connection that broke is made again sooner. */
const LOOKS_ALONE = 2;
const LONGEST_WAIT_MS = 30_000;

/** Begins to look, for as long as this process lives. */
export function standIn(doors: HeirDoors): void {
  let looksAlone = 0;
  let isAtWork = false;
  let pauseMs = LOOK_MS;
  let notBefore = 0;
  setInterval(() => {
    looksAlone = doors.connections() > 0 ? 0 : looksAlone + 1;
    if (looksAlone < LOOKS_ALONE || isAtWork || performance.now() < notBefore) return;
    isAtWork = true;
    void look(doors)
      .then(
        () => (pauseMs = LOOK_MS),
        (error: unknown) => {
          doors.log('output-not-collected', { error: messageOf(error), againInMs: pauseMs });
          notBefore = performance.now() + pauseMs;
          pauseMs = Math.min(pauseMs * 2, LONGEST_WAIT_MS);
        },
      )
      .finally(() => (isAtWork = false));
  }, LOOK_MS);
}

async function look(doors: HeirDoors): Promise<void> {
  if (doors.neglected().length === 0) return;
  // A data directory that was moved away is another one's by now, or nobody's: nothing is begun in its old place.
  if (!doors.isAtHome()) {
    throw new HoldfastError('UNAVAILABLE', `${doors.stateDir} was removed, moved or exchanged`);
  }
  await underClaim(doors.stateDir, 'logmon', () => takeOver(doors));
}

/** Looks again: whoever had the claim before may have done it, and an agent that has come does it by itself. */
async function takeOver(doors: HeirDoors): Promise<void> {
  // crash point: executor.heir.claimed
  if (doors.connections() > 0) return;
  const wishes = doors.neglected();
  if (wishes.length > 0) await handOver(wishes, doors);
}
