/** The log in the simplest words, as a list: what every real one must agree with after every step. */
import fc from 'fast-check';
import type { AnyEvent, StreamName } from '../../src/events/envelope.ts';
import { ALLOC, allocRemoved, DB, diskLow, gateOpened, message, WEB } from './events.ts';

export interface Entry {
  readonly position: number;
  readonly stream: StreamName;
  readonly version: number;
  readonly type: string;
  readonly at: number;
}

/** `task/a1/web2` begins like `task/a1/web`, and two tasks have nothing to do with them. */
export const STREAMS = [WEB, DB, `${WEB}2`, 'task/b/web', ALLOC, 'node'] as const;
const REMOVABLE = STREAMS.filter((stream) => stream !== 'node');

/** A lawful event of a stream; its `at` tells it from all others. */
export function eventOf(stream: StreamName, at: number): AnyEvent {
  if (stream === 'node') return diskLow(at);
  if (stream.startsWith('alloc/')) return allocRemoved(at);
  return at % 3 === 0 ? gateOpened(at) : { ...message(at), at };
}

export class LogModel {
  /** In order, also those that are gone. */
  readonly ever: Entry[] = [];
  readonly versions = new Map<StreamName, number>();
  readonly meta = new Map<string, string>();
  readonly #gone = new Set<number>();
  compactedThrough = 0;

  get head(): number {
    return this.ever.length;
  }
  get kept(): readonly Entry[] {
    return this.ever.filter(({ position }) => !this.#gone.has(position));
  }

  versionOf(stream: StreamName): number {
    return this.versions.get(stream) ?? 0;
  }

  append(stream: StreamName, events: readonly AnyEvent[]): readonly Entry[] {
    const entries = events.map(({ type, at }, index) => {
      const place = {
        position: this.head + index + 1,
        version: this.versionOf(stream) + index + 1,
      };
      return { ...place, stream, type, at };
    });
    this.ever.push(...entries);
    this.versions.set(stream, this.versionOf(stream) + events.length);
    return entries;
  }

  /** Gives what the summary must say. */
  compact(streams: readonly StreamName[], at: number): { events: number; oldest: number } {
    const doomed = this.kept.filter(({ stream }) => streams.includes(stream));
    for (const { position } of doomed) this.#gone.add(position);
    this.compactedThrough = Math.max(
      this.compactedThrough,
      ...doomed.map(({ position }) => position),
    );
    this.append('node', [{ type: 'StoreCompacted', run: 0, at, data: undefined }]);
    return { events: doomed.length, oldest: this.compactedThrough + 1 };
  }
}

const stream = fc.constantFrom(...STREAMS);
const streams = fc.subarray([...REMOVABLE]);
const count = fc.integer({ min: 0, max: 5 });
const append = fc.record({ stream, count, isStale: fc.nat(9).map((one) => one === 0) });
const appends = fc.array(append, { minLength: 1, maxLength: 5 });

/** One thing that happens to a log. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant('append' as const), appends }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('compact' as const), streams, appends }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('reopen' as const), appends }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('crash' as const), appends }) },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('setMeta' as const),
      key: fc.constantFrom('one', 'two', '__proto__'),
      value: fc.string({ maxLength: 20 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('read' as const),
      after: fc.nat(60),
      limit: fc.integer({ min: 1, max: 20 }),
      prefixes: fc.option(fc.subarray(['task/', WEB, `${WEB}2`, 'alloc/', 'node'])),
      types: fc.option(fc.subarray(['GateOpened', 'HookMessage', 'StoreCompacted'])),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('readStream' as const), stream, after: fc.nat(12) }),
  },
);

export type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
export type Appends = Extract<Step, { does: 'append' }>['appends'];

export const histories = fc.array(step, { minLength: 1, maxLength: 40, size: 'max' });
