import { HoldfastError } from '../errors.ts';
import { dataDirectory } from './data-dir.ts';
import { eventLine } from './event-line.ts';
import { findAgent } from './find-agent.ts';
import { write } from './output.ts';
import type { EventQuery, PublicEvent } from '../api.ts';

export interface EventsOptions {
  readonly dataDir?: string;
  readonly follow?: boolean;
  readonly after?: string;
  readonly jsonl?: boolean;
  /** Words, separated by commas. */
  readonly types?: string;
}

/** `holdfast events [REF]`: to the head, or for ever with -f. A lost agent ends it with where to go on. */
export async function events(ref: string | undefined, options: EventsOptions): Promise<void> {
  const query: EventQuery = {
    ...parseAfter(options.after),
    ...(ref === undefined ? {} : { ref }),
    ...(options.types === undefined ? {} : { types: options.types.split(',') }),
    ...(options.follow === true ? {} : { until: 'head' }),
  };
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  let last: PublicEvent | undefined;
  try {
    for await (const event of orchestrator.events(query)) {
      await write(options.jsonl === true ? `${JSON.stringify(event)}\n` : eventLine(event));
      last = event;
    }
  } catch (error) {
    if (last === undefined || !HoldfastError.is(error, 'UNAVAILABLE')) throw error;
    const message = `${error.message}. Go on with --after ${last.storeId}:${last.position}`;
    throw new HoldfastError('UNAVAILABLE', message, { cause: error });
  }
}

/** `N` or `storeId:N`. Throws USAGE. */
export function parseAfter(text: string | undefined): { after?: number; storeId?: string } {
  if (text === undefined) return {};
  const [, storeId, digits] = /^(?:([^:]+):)?(\d{1,15})$/.exec(text) ?? [];
  if (digits === undefined) {
    const message = `--after wants a position, such as 41 or STORE:41, not "${text}"`;
    throw new HoldfastError('USAGE', message);
  }
  return { after: Number(digits), ...(storeId === undefined ? {} : { storeId }) };
}
