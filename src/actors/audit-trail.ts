/**
 * Who asked for what, in streams of their own: in those of allocs it would go with them, and that of the node is never
 * removed. A part takes so many events; when there are too many parts, the oldest goes as a whole.
 */
import { messageOf } from '../errors.ts';
import type { AuditEvent } from '../events/audit-event.ts';
import { auditStream, type Recorded } from '../events/envelope.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Facts } from '../machines/chart-parts.ts';
import type { Clock, Logger } from '../ports.ts';
import { RefusalLimit } from './refusal-limit.ts';

/** 50,000 commands, some 20 MB. */
const PART_EVENTS = 1_000;
const KEPT_PARTS = 50;

export type Received = Facts<AuditEvent, 'CommandReceived'>;
export type Refused = Omit<Facts<AuditEvent, 'CommandRefused'>, 'unrecorded'>;

export interface AuditTrailDoors {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For tests. */
  readonly partEvents?: number;
  readonly keptParts?: number;
}

export class AuditTrail {
  readonly #doors: AuditTrailDoors;
  readonly #refusals: RefusalLimit<Refused>;
  #part: number | undefined;

  constructor(doors: AuditTrailDoors) {
    this.#doors = doors;
    const record = (refused: Refused, unrecorded: number): void => {
      void this.#append('CommandRefused', { ...refused, unrecorded }).catch((error: unknown) =>
        doors.logger.error({ error: messageOf(error) }, 'a refusal was not recorded'),
      );
    };
    this.#refusals = new RefusalLimit({ clock: doors.clock, record });
  }

  /**
   * Gives its position when it is durable. What is appended after the call is so only if it is: nobody has to wait for
   * it before he does what was asked. Errors: as `append`.
   */
  received(facts: Received): Promise<number> {
    return this.#append('CommandReceived', facts);
  }

  /** Some of many are only counted. Never throws. */
  refused(facts: Refused): void {
    const { via, name, address = '' } = facts.actor;
    // The same caller comes from another port each time.
    const from = address.replace(/:\d+$/, '');
    this.#refusals.take(`${via} ${name} ${from}`, facts);
  }

  /** Before the log is closed: what was only counted is told. */
  end(): void {
    this.#refusals.end();
  }

  async #append(type: AuditEvent['type'], data: AuditEvent['data']): Promise<number> {
    const { log, clock } = this.#doors;
    const stream = auditStream(this.#currentPart());
    const event = { type, run: 0, at: clock.now(), data };
    const [recorded] = await log.append(stream, log.versionOf(stream), [event]);
    return (recorded as Recorded).position;
  }

  /** A new one when the newest is full; the one that is too many then goes. */
  #currentPart(): number {
    const { log, partEvents = PART_EVENTS, keptParts = KEPT_PARTS } = this.#doors;
    let part = (this.#part ??= newestPart(log));
    if (log.versionOf(auditStream(part)) < partEvents) return part;
    part += 1;
    this.#part = part;
    if (part > keptParts) this.#forget(part - keptParts);
    return part;
  }

  #forget(part: number): void {
    const { log, clock, logger } = this.#doors;
    log.compact([auditStream(part)], clock.now()).catch((error: unknown) => {
      logger.error({ error: messageOf(error) }, 'an old part of the audit was not removed');
    });
  }
}

/** A name that was used has a version for ever, so the parts have no hole: the last one is found by halving. */
function newestPart(log: EventLog): number {
  const isUsed = (part: number): boolean => log.versionOf(auditStream(part)) > 0;
  let [used, free] = [1, 2];
  while (isUsed(free)) [used, free] = [free, free * 2];
  while (free - used > 1) {
    const middle = Math.floor((used + free) / 2);
    if (isUsed(middle)) used = middle;
    else free = middle;
  }
  return used;
}
