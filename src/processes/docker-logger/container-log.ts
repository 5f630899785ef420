/** Reads one stream of a container's log from a position on, each message once. */
import { callEngine, type EnginePlace } from '../../engine/engine-call.ts';
import { EngineError } from '../../engine/engine-error.ts';
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
/** What an engine has at hand it gives at once. One that follows may have nothing to say. */
const SILENCE_MS = 5_000;

/**
 * The pieces behind a position, those together that came together. A whole answer without waiting is of one moment:
 * what the engine throws away meanwhile is in it, and gaps are told by such ones only: one that follows ends where
 * there may be any. Throws EngineError, UNAVAILABLE for an answer that makes no sense or breaks off, and the reason of
 * the abort.
 */
export async function* piecesOf(source: LogSource, wish: ReadWish): AsyncGenerator<Piece[]> {
  const { isTty, place } = source;
  const { isFollowing, from } = wish;
  const silence = new Silence(isFollowing ? undefined : SILENCE_MS);
  const signal = AbortSignal.any([wish.signal, silence.signal]);
  silence.begin();
  try {
    const answer = await callEngine(place, { method: 'GET', path: pathOf(source, wish), signal });
    const messages = isTty ? new PlainMessages() : new FramedMessages();
    const resumed = new Resumed(from);
    for await (const chunk of answer) {
      silence.end();
      const pieces = messages.take(chunk as Buffer).flatMap((one) => resumed.take(one));
      if (isFollowing && resumed.isAtALoss) return;
      if (pieces.length > 0) yield pieces;
      silence.begin();
    }
    if (!isFollowing) {
      yield [...messages.rest().flatMap((one) => resumed.take(one)), ...resumed.end()];
    }
  } catch (error) {
    silence.signal.throwIfAborted();
    throw error;
  } finally {
    silence.end();
  }
}

/** Aborts after so long a time in which an engine says nothing; what whoever reads does meanwhile does not count. */
class Silence {
  readonly #over = new AbortController();
  readonly #mostMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(mostMs: number | undefined) {
    this.#mostMs = mostMs;
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  begin(): void {
    const ms = this.#mostMs;
    if (ms === undefined) return;
    const why = new EngineError('timeout', `the engine said nothing of a log for ${ms / 1_000} s`);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#over.abort(why), ms).unref();
  }

  end(): void {
    clearTimeout(this.#timer);
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
