/** What a driver in its own process may answer: anything else is no answer, however it came about. */
import {
  anyJson,
  fields,
  flag,
  list,
  nullable,
  oneOf,
  optional,
  record,
  text,
  whole,
} from '../events/shape.ts';
import type { Shape } from '../events/shape.ts';

const program = fields({ pid: whole, startTime: text, machineEpoch: text, startedAt: whole });
const network = fields({ ip: text, ports: record(whole), isAdvertised: flag });
const exit = fields({
  exitCode: nullable(whole),
  signal: nullable(text),
  oomKilled: flag,
  exitedAt: whole,
});
const refusal = { code: text, message: text, isRecoverable: flag };

/** By `kind`. */
type Kinds = Readonly<Record<string, Shape<object>>>;

const STARTS: Kinds = {
  started: fields({ kind: text, process: program, network: optional(network) }),
  refused: fields({ kind: text, ...refusal }),
  aborted: fields({ kind: text }),
};
const ENDS: Kinds = {
  exited: fields({ kind: text, exit }),
  refused: fields({ kind: text, ...refusal, exit }),
  lost: fields({ kind: text, reason: text, maybeRan: flag }),
};
const STOPS: Kinds = {
  ended: fields({ kind: text }),
  aborted: fields({ kind: text }),
  stuck: fields({ kind: text, message: text }),
};
const evidence = fields({
  epoch: oneOf('same', 'changed'),
  dir: oneOf('none', 'partial', 'whole'),
  claim: oneOf('none', 'alive', 'dead', 'unknown'),
  fate: oneOf('none', 'launch', 'abort'),
  exit: oneOf('none', 'valid', 'corrupt'),
  tree: oneOf('dead', 'alive', 'unknown'),
});
const sighting = fields({
  evidence,
  process: optional(program),
  network: optional(network),
  outcome: optional(anyJson),
});
const print = fields({
  health: oneOf('undetected', 'unhealthy', 'healthy'),
  message: text,
  attributes: record(text),
});
const description = fields({
  name: text,
  apiVersion: whole,
  mounts: oneOf('none', 'all'),
  networks: oneOf('machine', 'group'),
  root: oneOf('machine', 'task'),
  sessions: optional(flag),
});

const number: Shape<number> = {
  fault: (value, path) => (Number.isFinite(value) ? undefined : `${path}: expected a number`),
};
const sample = fields({
  atMs: number,
  monotonicMs: number,
  cpu: record(number),
  memory: record(number),
  io: record(number),
  processCount: whole,
  threadCount: whole,
  processes: list(record(anyJson)),
});
const env = fields({ env: optional(record(text)), deniedEnv: optional(list(text)) });

/** It becomes an event whenever it changes. */
const PRINT_CHARS = 16_384;

export const isPrint = (value: unknown): boolean =>
  print.fault(value, '') === undefined && JSON.stringify(value).length <= PRINT_CHARS;
export const isSample = (value: unknown): boolean => sample.fault(value, '') === undefined;
export const isDescription = (value: unknown): boolean =>
  description.fault(value, '') === undefined;
export const isStart = (value: unknown): boolean => isOneOf(STARTS, value);
export const isEnd = (value: unknown): boolean => isOneOf(ENDS, value);
export const isStop = (value: unknown): boolean => isOneOf(STOPS, value);
export const isFlag = (value: unknown): boolean => typeof value === 'boolean';
export const isNothing = (value: unknown): boolean => value === undefined || value === null;
/** Names a directory below that of the driver's hosts. */
export const isHostId = (value: unknown): boolean =>
  isNothing(value) || (typeof value === 'string' && /^[0-9a-f]{1,32}$/.test(value));
export const isUser = (value: unknown): boolean => isNothing(value) || typeof value === 'string';
export const isEnv = (value: unknown): boolean => env.fault(value, '') === undefined;

export function isSighting(value: unknown): boolean {
  if (sighting.fault(value, '') !== undefined) return false;
  const { outcome } = value as { outcome?: unknown };
  return outcome === undefined || isEnd(outcome);
}

function isOneOf(kinds: Kinds, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { kind } = value as { kind?: unknown };
  const shape = typeof kind === 'string' && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  return shape !== undefined && shape.fault(value, '') === undefined;
}
