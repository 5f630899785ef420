/**
 * Between a typed event and the text that is stored. Nothing enters the log whose shape was not checked, and nothing
 * leaves it as a typed event that does not fit the shape of today.
 */
import { HoldfastError, messageOf } from '../errors.ts';
import { ALLOC_EVENTS, type AllocEvent } from './alloc-event.ts';
import { AUDIT_EVENTS, type AuditEvent } from './audit-event.ts';
import { parseStream, type AnyEvent, type StreamName, type Vocabulary } from './envelope.ts';
import { NODE_EVENTS, type NodeEvent } from './node-event.ts';
import { TASK_EVENTS, type TaskEvent } from './task-event.ts';
import { climb, UPCASTERS, type Ladder } from './upcasters.ts';

/** The largest `data` of one event, in bytes of its JSON text: the log is for facts, not for payloads. */
export const EVENT_LIMIT_BYTES = 64 * 1024;

/** Every word that may be stored, by the kind of stream it belongs to. */
export const VOCABULARIES = {
  task: TASK_EVENTS,
  alloc: ALLOC_EVENTS,
  node: NODE_EVENTS,
  audit: AUDIT_EVENTS,
} as const;

export type HoldfastEvent = TaskEvent | AllocEvent | NodeEvent | AuditEvent;

/** What is stored of an event besides its place. `data` is JSON. */
export interface EncodedEvent {
  readonly type: string;
  readonly schema: number;
  readonly data: string;
}

/** The stored columns that an event is made of. */
export interface EncodedRow extends EncodedEvent {
  readonly stream: StreamName;
  readonly run: number;
  readonly at: number;
}

export interface Codec {
  /**
   * Errors: EVENT_UNKNOWN for a word that is in no vocabulary, EVENT_MALFORMED (with `details.fault` naming the path)
   * for a word in the wrong kind of stream, a wrong shape, data above EVENT_LIMIT_BYTES or a bad stream name.
   */
  readonly encode: (stream: StreamName, event: AnyEvent) => EncodedEvent;
  /** Errors: EVENT_UNKNOWN for a word or a schema that is newer than this code, EVENT_MALFORMED for a wrong shape. */
  readonly decode: (row: EncodedRow) => AnyEvent;
}

type Kinds = Readonly<Record<'task' | 'alloc' | 'node' | 'audit', Vocabulary>>;

/** A codec of these vocabularies; the exported `encode` and `decode` are the ones of the real vocabulary. */
export function codecOf(kinds: Kinds, ladder: Ladder = UPCASTERS): Codec {
  function shapeOf(stream: StreamName, type: string) {
    const kind = parseStream(stream)?.kind;
    if (kind === undefined || !isCleanName(stream)) {
      throw malformed(stream, type, `stream: not the name of a task, alloc, node or audit stream`);
    }
    const vocabulary = kinds[kind];
    if (Object.hasOwn(vocabulary, type)) return vocabulary[type];
    if (Object.values(kinds).some((other) => Object.hasOwn(other, type))) {
      throw malformed(stream, type, `type: does not belong in a stream of kind ${kind}`);
    }
    return undefined;
  }

  return {
    encode(stream, event) {
      const shape = shapeOf(stream, event.type);
      if (shape === undefined) throw unknownType(stream, event.type);
      const fault =
        numberFault(event.run, 'run') ??
        numberFault(event.at, 'at') ??
        shape.data.fault(event.data, 'data');
      if (fault !== undefined) throw malformed(stream, event.type, fault);
      return { type: event.type, schema: shape.schema, data: toJson(stream, event) };
    },
    decode(row) {
      const shape = shapeOf(row.stream, row.type);
      if (shape === undefined) throw unknownType(row.stream, row.type);
      const data = climb(row.type, fromJson(row), row.schema, shape.schema, ladder);
      const fault = shape.data.fault(data, 'data');
      if (fault !== undefined) throw malformed(row.stream, row.type, fault);
      return { type: row.type, run: row.run, at: row.at, data };
    },
  };
}

const holdfastCodec = codecOf(VOCABULARIES);

/** Checks an event and turns its data into JSON; the errors are those of `Codec.encode`. */
export function encode(stream: StreamName, event: AnyEvent): EncodedEvent {
  return holdfastCodec.encode(stream, event);
}

/** A stored row as the event of today's vocabulary; the errors are those of `Codec.decode`. */
export function decode(row: EncodedRow): HoldfastEvent {
  return holdfastCodec.decode(row) as HoldfastEvent;
}

const SCHEMAS = { task: schemasOf(TASK_EVENTS), alloc: schemasOf(ALLOC_EVENTS) } as const;

/** A map, because a word that comes from the disk is a new string each time, which an object is slow to find. */
function schemasOf(vocabulary: Vocabulary): ReadonlyMap<string, number> {
  return new Map(Object.entries(vocabulary).map(([type, { schema }]) => [type, schema]));
}

/**
 * The same for a row whose checksum was just found right: what was written in today's schema was checked then, so only
 * older ones need their climb and its check. A replay of a million events spends half of its time on less.
 */
export function decodeVerified(kind: keyof typeof SCHEMAS, row: EncodedRow): AnyEvent {
  if (SCHEMAS[kind].get(row.type) !== row.schema) return decode(row);
  return { type: row.type, run: row.run, at: row.at, data: fromJson(row) };
}

function toJson(stream: StreamName, event: AnyEvent): string {
  let json: string;
  try {
    json = JSON.stringify(event.data);
  } catch (error) {
    throw malformed(stream, event.type, `data: cannot be JSON: ${messageOf(error)}`, error);
  }
  const sizeBytes = utf8Length(json);
  if (sizeBytes > EVENT_LIMIT_BYTES) {
    const fault = `data: ${sizeBytes} bytes, more than the ${EVENT_LIMIT_BYTES} an event may have`;
    throw malformed(stream, event.type, fault);
  }
  return json;
}

function fromJson(row: EncodedRow): unknown {
  try {
    return JSON.parse(row.data);
  } catch (error) {
    throw malformed(row.stream, row.type, `data: not JSON: ${messageOf(error)}`, error);
  }
}

/** No character takes more than three bytes per UTF-16 unit, so most texts need no counting. */
function utf8Length(text: string): number {
  if (text.length * 3 <= EVENT_LIMIT_BYTES) return text.length;
  return new TextEncoder().encode(text).length;
}

function numberFault(value: unknown, path: string): string | undefined {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return undefined;
  return `${path}: expected a whole number, 0 or more`;
}

/** A name that comes back from the disk as it went there: no control character and no half of a surrogate pair. */
function isCleanName(stream: StreamName): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(stream);
}

function malformed(stream: StreamName, type: string, fault: string, cause?: unknown) {
  return new HoldfastError('EVENT_MALFORMED', `event ${type} of ${stream}: ${fault}`, {
    details: { stream, type, fault },
    ...(cause === undefined ? {} : { cause }),
  });
}

function unknownType(stream: StreamName, type: string) {
  return new HoldfastError('EVENT_UNKNOWN', `event ${type} of ${stream} is not in the vocabulary`, {
    details: { stream, type },
  });
}
