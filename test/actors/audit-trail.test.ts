import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditTrail, type Refused } from '../../src/actors/audit-trail.ts';
import { auditStream } from '../../src/events/envelope.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openMemoryEventLog } from '../../src/log/memory-event-log.ts';
import { silentLogger } from '../../src/ports.ts';
import { FakeClock } from '../../src/testing/index.ts';

let log: EventLog;
let clock: FakeClock;
beforeEach(() => {
  log = openMemoryEventLog();
  clock = new FakeClock();
});
afterEach(() => log.close());

const trailOf = (more = {}): AuditTrail =>
  new AuditTrail({ log, clock, logger: silentLogger, ...more });
const actor = { via: 'http', name: 'ci', address: '192.0.2.1:4001' } as const;
const about = { command: 'stop', actor, ref: 'web', allocIds: ['a-1'], task: null };
const received = { ...about, options: {} };
const refused = (more: Partial<Refused> = {}): Refused => ({
  ...about,
  received: null,
  code: 'NOT_FOUND',
  ...more,
});

/** What the log has of refusals, as who and how many before it were only counted. */
async function recorded(): Promise<unknown[]> {
  await new Promise((resolve) => setImmediate(resolve));
  const events = log.readAll(0, { types: ['CommandRefused'] });
  return events.map(({ data }) => {
    const { actor: who, unrecorded } = data as { actor: { name: string }; unrecorded: number };
    return [who.name, unrecorded];
  });
}

describe('the trail of commands', () => {
  it('gives the position of each, in parts of a size', async () => {
    const trail = trailOf({ partEvents: 2 });
    const positions = [];
    for (let each = 0; each < 5; each += 1) positions.push(await trail.received(received));
    expect(positions).toEqual([1, 2, 3, 4, 5]);
    expect([1, 2, 3, 4].map((part) => log.versionOf(auditStream(part)))).toEqual([2, 2, 1, 0]);
  });

  it('goes on where the agent before left off', async () => {
    for (let part = 0; part < 11; part += 1) await trailOf({ partEvents: 1 }).received(received);
    await trailOf({ partEvents: 2 }).received(received);
    expect([10, 11, 12].map((part) => log.versionOf(auditStream(part)))).toEqual([1, 2, 0]);
  });

  it('keeps so many parts: older ones go as wholes, and that is told', async () => {
    const trail = trailOf({ partEvents: 2, keptParts: 2 });
    for (let each = 0; each < 7; each += 1) await trail.received(received);
    const kept = log.readAll(log.oldest - 1, { types: ['CommandReceived'] });
    expect(new Set(kept.map(({ stream }) => stream))).toEqual(new Set(['audit/3', 'audit/4']));
    const told = log.readStream('node').map(({ data }) => (data as { streams: string[] }).streams);
    expect(told).toEqual([['audit/1'], ['audit/2']]);
  });

  it('takes many at once, in order, over the end of a part', async () => {
    const trail = trailOf({ partEvents: 3 });
    const all = await Promise.all(Array.from({ length: 8 }, () => trail.received(received)));
    expect(all).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe('refusals', () => {
  it('of one caller are recorded ten times a minute, and counted beyond', async () => {
    const trail = trailOf();
    for (let each = 0; each < 1_000; each += 1) {
      // Another port each time.
      const address = `192.0.2.1:${5_000 + each}`;
      trail.refused(refused({ actor: { ...actor, address } }));
    }
    expect(await recorded()).toEqual(Array.from({ length: 10 }, () => ['ci', 0]));
    await clock.advance('61s');
    expect((await recorded()).slice(10)).toEqual([['ci', 989]]);
  });

  it('of others are recorded beside those of one who knocks without end', async () => {
    const trail = trailOf();
    for (let each = 0; each < 100; each += 1) trail.refused(refused());
    trail.refused(refused({ actor: { via: 'http', name: 'other' } }));
    expect((await recorded()).at(-1)).toEqual(['other', 90]);
  });

  it('of all callers together are sixty a minute, and sixty again in the next', async () => {
    const trail = trailOf();
    const knock = (): void => {
      for (let each = 0; each < 500; each += 1) {
        trail.refused(refused({ actor: { via: 'grpc', name: `CN=${each}` } }));
      }
    };
    knock();
    expect(await recorded()).toHaveLength(60);
    await clock.advance('61s');
    expect((await recorded()).at(-1)).toEqual(['CN=499', 439]);
    knock();
    expect(await recorded()).toHaveLength(61 + 60);
  });

  it('that were only counted are told when the agent ends', async () => {
    const trail = trailOf();
    for (let each = 0; each < 12; each += 1) trail.refused(refused());
    trail.end();
    expect((await recorded()).at(-1)).toEqual(['ci', 1]);
    expect(clock.waiting).toBe(0);
  });
});
