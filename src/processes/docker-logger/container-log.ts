/** Reads one stream of a container's log from a position on, each message once. */
import { callEngine, type EnginePlace } from '../../engine/engine-call.ts';
import { FramedMessages, PlainMessages } from './log-messages.ts';
import type { Position } from './position.ts';
import { type Piece, Resumed } from './resumed.ts';

export interface LogSource {
  readonly place: EnginePlace;
  readonly containerId: string;
  readonly stream: 'stdout' | 'stderr';
  readonly isTty: boolean;
}

interface ReadWish {
  readonly from: Position;
  /** Waits for more at the end; otherwise it is what is there now. */
  readonly isFollowing: boolean;
  readonly signal: AbortSignal;
}

/** So far a clock may be set back while nobody follows; further while somebody does. */
const EARLIER_NS = 2_000_000_000n;
const NS_A_SECOND = 1_000_000_000n;

/**
 * The pieces behind a position, those together that came together. A whole answer without waiting is of one moment:
 * what the engine throws away meanwhile is in it, and gaps are told by such ones only: one that follows ends where
 * there may be any. Throws EngineError, UNAVAILABLE for an answer that makes no sense or breaks off, and the reason of
 * the abort.
 */
export async function* piecesOf(source: LogSource, wish: ReadWish): AsyncGenerator<Piece[]> {
  const { isTty, place } = source;
  const { isFollowing, signal } = wish;
  const answer = await callEngine(place, { method: 'GET', path: pathOf(source, wish), signal });
  try {
    const messages = isTty ? new PlainMessages() : new FramedMessages();
    const resumed = new Resumed(wish.from);
    for await (const chunk of answer) {
      const pieces = messages.take(chunk as Buffer).flatMap((one) => resumed.take(one));
      if (isFollowing && resumed.isAtALoss) return;
      if (pieces.length > 0) yield pieces;
    }
    if (!isFollowing) {
      yield [...messages.rest().flatMap((one) => resumed.take(one)), ...resumed.end()];
    }
  } finally {
    answer.destroy();
  }
}

function pathOf({ containerId, stream }: LogSource, { from, isFollowing }: ReadWish): string {
  const since = from.time > EARLIER_NS ? from.time - EARLIER_NS : 0n;
  const asked = new URLSearchParams({
    [stream]: '1',
    timestamps: '1',
    follow: isFollowing ? '1' : '0',
    since: `${since / NS_A_SECOND}.${String(since % NS_A_SECOND).padStart(9, '0')}`,
  });
  return `/containers/${encodeURIComponent(containerId)}/logs?${asked.toString()}`;
}
