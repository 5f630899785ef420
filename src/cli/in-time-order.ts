/** Several iterations as one, the oldest first as far as that is known. */
import { setTimeout } from 'node:timers/promises';

export interface TimeOrder<T> {
  /** Any order of texts, such as ISO times; null where the time is not known: at once then. */
  readonly timeOf: (item: T) => string | null;
  /** How long one that gives nothing is waited for; once, until it gives something again. */
  readonly patienceMs: number;
}

interface Lane<T> {
  readonly iterator: AsyncIterator<T>;
  head?: { readonly item: T };
  /** While the iteration is asked for its next one. */
  asked: Promise<void> | undefined;
  isEnded: boolean;
  wasWaitedFor: boolean;
  failure?: { readonly error: unknown };
}

/**
 * Ends when all have ended; an error of one ends all. Of each, one thing is taken ahead. The sources must end by a
 * signal of their own when the reader leaves: they are told to return, and not waited for.
 */
export async function* inTimeOrder<T>(
  sources: readonly AsyncIterable<T>[],
  { timeOf, patienceMs }: TimeOrder<T>,
): AsyncGenerator<T, void, undefined> {
  const lanes = sources.map((source): Lane<T> => {
    const iterator = source[Symbol.asyncIterator]();
    return { iterator, asked: undefined, isEnded: false, wasWaitedFor: false };
  });
  try {
    for (;;) {
      await gather(lanes, patienceMs);
      const failed = lanes.find(({ failure }) => failure !== undefined);
      if (failed?.failure !== undefined) throw failed.failure.error;
      const oldest = lanes.reduce<Lane<T> | undefined>(
        (best, lane) => (isOlder(lane, best, timeOf) ? lane : best),
        undefined,
      );
      if (oldest?.head === undefined) return;
      const { item } = oldest.head;
      delete oldest.head;
      yield item;
    }
  } finally {
    for (const { iterator } of lanes) iterator.return?.().catch(() => undefined);
  }
}

function isOlder<T>(
  lane: Lane<T>,
  best: Lane<T> | undefined,
  timeOf: (item: T) => string | null,
): boolean {
  if (lane.head === undefined) return false;
  if (best?.head === undefined) return true;
  return (timeOf(lane.head.item) ?? '') < (timeOf(best.head.item) ?? '');
}

/** Resolves when there is something to choose from: of all, or of those that have something in time. */
async function gather<T>(lanes: readonly Lane<T>[], patienceMs: number): Promise<void> {
  for (const lane of lanes) {
    if (lane.head === undefined && !lane.isEnded) lane.asked ??= ask(lane);
  }
  const fresh = lanes.filter(({ asked, wasWaitedFor }) => asked && !wasWaitedFor);
  if (fresh.length > 0)
    await within(
      patienceMs,
      fresh.flatMap(({ asked }) => asked ?? []),
    );
  for (const lane of fresh) lane.wasWaitedFor = lane.asked !== undefined;
  for (;;) {
    const isSome = lanes.some(({ head, failure }) => head !== undefined || failure !== undefined);
    const asked = lanes.flatMap((lane) => lane.asked ?? []);
    if (isSome || asked.length === 0) return;
    await Promise.race(asked);
  }
}

async function ask<T>(lane: Lane<T>): Promise<void> {
  try {
    const next = await lane.iterator.next();
    if (next.done === true) lane.isEnded = true;
    else lane.head = { item: next.value };
    lane.wasWaitedFor = false;
  } catch (error) {
    lane.failure = { error };
  }
  lane.asked = undefined;
}

async function within(patienceMs: number, asked: readonly Promise<void>[]): Promise<void> {
  const all = Promise.all(asked);
  if (patienceMs === Infinity) return void (await all);
  const left = new AbortController();
  const patience = setTimeout(patienceMs, undefined, { signal: left.signal });
  await Promise.race([all, patience.catch(() => undefined)]);
  left.abort();
}
