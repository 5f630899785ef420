/** The facts of the machine and of the agent itself, version 1: stream `node`. The rules of `task-event.ts` hold. */
import { fields, flag, list, nullable, oneOf, optional, record, text, whole } from './shape.ts';
import type { EventOf } from './envelope.ts';

/** `driver`: the process of a driver in a process of its own. */
const hostKind = oneOf('executor', 'logmon', 'docker-logger', 'driver');
/** Of a host that is not the agent's but of a driver in its own process: that driver's name. */
const ofDriver = { driver: optional(text) };

export const NODE_EVENTS = {
  /** `agentEpoch` is one more than the last agent's: hosts refuse an older one. */
  AgentStarted: {
    schema: 1,
    data: fields({
      agentEpoch: whole,
      pid: whole,
      version: text,
      machineEpoch: text,
      instanceId: text,
      /** On the steady clock, in milliseconds. */
      steadyAt: optional(whole),
      /** Free bytes below which it starts nothing. */
      diskFloorBytes: optional(whole),
    }),
  },
  AgentStopping: { schema: 1, data: fields({ tasks: oneOf('stop', 'leave') }) },
  HostStarted: {
    schema: 1,
    data: fields({ hostId: text, kind: hostKind, pid: whole, ...ofDriver }),
  },
  HostLost: {
    schema: 1,
    data: fields({ hostId: text, kind: hostKind, reason: text, ...ofDriver }),
  },
  HostReplaced: {
    schema: 1,
    data: fields({ hostId: text, kind: hostKind, by: text, adopted: whole, ...ofDriver }),
  },
  DriverFingerprinted: {
    schema: 1,
    data: fields({
      driver: text,
      health: oneOf('undetected', 'unhealthy', 'healthy'),
      message: text,
      attributes: record(text),
    }),
  },
  /** `lost` is how many events could not be read back; null when that cannot be known. */
  StoreDamaged: {
    schema: 1,
    data: fields({
      movedTo: text,
      reason: text,
      recovered: whole,
      lost: nullable(whole),
      previousStoreId: nullable(text),
    }),
  },
  /** An old row is not what was written: the next opening recovers what can be read, and says what (`StoreDamaged`). */
  StoreFaultFound: { schema: 1, data: fields({ code: text, message: text }) },
  /** All that is left of these streams; `allocs` are those that they were of, and what took each (`AllocRemoved`). */
  StoreCompacted: {
    schema: 1,
    data: fields({
      streams: list(text),
      events: whole,
      oldest: whole,
      allocs: optional(list(fields({ allocId: text, alloc: text, status: text, rule: text }))),
    }),
  },
  /**
   * A run that no log speaks of, or one that lives although its task is over. `stream` is its task's as far as its
   * files tell, `verdict` what is done about it: `hold` when something could not be read.
   */
  OrphanFound: {
    schema: 1,
    data: fields({
      launchKey: text,
      stream: nullable(text),
      pids: list(whole),
      verdict: oneOf('kill', 'hold'),
      reason: text,
    }),
  },
  /**
   * Something outside of a driver's runs that this agent made and nothing that is known wants: said once, before it is
   * removed. `keep`: the operator wants to be told only.
   */
  DriverLeftoverFound: {
    schema: 1,
    data: fields({
      driver: text,
      kind: text,
      id: text,
      name: text,
      verdict: oneOf('remove', 'keep'),
      reason: text,
    }),
  },
  /** The agent died too often: everything is adopted and recorded, and nothing is started until this is left. */
  SafeModeEntered: { schema: 1, data: fields({ starts: whole, withinMs: whole }) },
  SafeModeLeft: { schema: 1, data: fields({}) },
  /** A child was restarted more often than its spec allows, or what a living program writes is not collected. */
  ChildEscalated: { schema: 1, data: fields({ child: text, message: text }) },
  StreamQuarantined: { schema: 1, data: fields({ stream: text, message: text }) },
  /** Events were removed before a sink had them: of those behind `after` it gets the ones from `oldest` on. */
  SinkSkipped: { schema: 1, data: fields({ sink: text, after: whole, oldest: whole }) },
  SubscriberFailed: { schema: 1, data: fields({ message: text }) },
  DiskLow: {
    schema: 1,
    data: fields({ freeBytes: whole, floorBytes: whole, path: optional(text) }),
  },
  DiskHealed: { schema: 1, data: fields({ freeBytes: whole, wasForced: optional(flag) }) },
  /**
   * Output was removed because that of all tasks took up more than it may: these segments of one stream, which held so
   * many bytes.
   */
  LogPurged: {
    schema: 1,
    data: fields({
      allocId: text,
      task: text,
      stream: oneOf('stdout', 'stderr'),
      segments: list(whole),
      bytes: whole,
    }),
  },
} as const;

export type NodeEvent = EventOf<typeof NODE_EVENTS>;
export type NodeEventType = keyof typeof NODE_EVENTS;
