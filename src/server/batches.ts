/** One message for things that are there together: a message each would cost more than the things. */

/**
 * What the source gives without waiting for the outside goes into one batch, as messages, until `hasRoom` says that one
 * more has none; it is asked with the newest and with how many there are. A thing that comes alone leaves alone and at
 * once. An error of the source comes after what was before it. At most one thing is taken ahead of the reader.
 */
export async function* inBatches<Thing, Message>(
  things: AsyncIterable<Thing>,
  convert: (thing: Thing) => Message,
  hasRoom: (newest: Message, count: number) => boolean,
): AsyncGenerator<Message[]> {
  const source = things[Symbol.asyncIterator]();
  let ahead = ask(source);
  try {
    for (;;) {
      const first = await ahead;
      if (first.done === true) return;
      let newest = convert(first.value);
      const batch = [newest];
      const turnIsOver = endOfTurn();
      ahead = ask(source);
      while (hasRoom(newest, batch.length)) {
        const next = await Promise.race([ahead, turnIsOver]).catch(() => undefined);
        if (next === undefined || next.done === true) break;
        newest = convert(next.value);
        batch.push(newest);
        ahead = ask(source);
      }
      yield batch;
    }
  } finally {
    // Not awaited: a source that waits for its next thing only ends by its signal.
    source.return?.().catch(() => undefined);
  }
}

/** The answer is looked at later, so that a failure meanwhile must not count as one that nobody handles. */
function ask<Thing>(source: AsyncIterator<Thing>): Promise<IteratorResult<Thing>> {
  const next = source.next();
  next.catch(() => undefined);
  return next;
}

function endOfTurn(): Promise<undefined> {
  return new Promise((resolve) => {
    setImmediate(() => resolve(undefined));
  });
}
