/** Random data of the stored shapes, from a seed, so that a failure can be seen again. */
import { ALLOC_EVENTS } from '../../src/events/alloc-event.ts';
import { TASK_EVENTS } from '../../src/events/task-event.ts';

type Random = () => number;
type Maker<T = unknown> = (random: Random) => T;

/** A small generator of numbers in [0, 1): mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const number: Maker<number> = (random) => Math.floor(random() * 1_000);
const word: Maker<string> = (random) => `w${number(random)}`;
const pick =
  (...words: readonly unknown[]): Maker =>
  (random) =>
    words[Math.floor(random() * words.length)];
const flag = pick(true, false);
const fields =
  (makers: Readonly<Record<string, Maker>>): Maker =>
  (random) =>
    Object.fromEntries(Object.entries(makers).map(([key, make]) => [key, make(random)]));

const launch = fields({ launchKey: word, token: word, mark: word, deadline: number });
const phase = pick('prestart', 'start', 'exited', 'cleanup');
const restart = fields({
  attempts: number,
  intervalMs: number,
  delayMs: number,
  mode: pick('fail', 'delay', 'hold'),
  onLost: pick('restart', 'fail'),
});

/** By event type; types that are not here carry no data. */
export const TASK_FACTS: Readonly<Record<string, Maker>> = {
  TaskReceived: fields({
    allocName: word,
    task: word,
    driver: word,
    gate: pick('prestart', 'main', 'poststart', 'poststop'),
    hooks: (random) => [word(random)],
    restart,
    restartOnSuccess: flag,
    killSignal: word,
    killTimeoutMs: number,
  }),
  TaskUpdated: fields({
    specVersion: number,
    isRestarted: flag,
    hooks: (random) => [word(random)],
    restart,
    restartOnSuccess: flag,
    killSignal: word,
    killTimeoutMs: number,
  }),
  UpdateCompleted: fields({ specVersion: number }),
  GateOpened: fields({ gate: pick('prestart', 'main', 'poststart', 'poststop') }),
  HookCompleted: fields({
    hook: pick('one', 'two'),
    phase,
    tookMs: number,
    isDone: flag,
    env: (random) => [{ name: word(random), value: word(random) }],
    state: (random) => ({ key: word(random) }),
  }),
  HookFailed: fields({
    hook: word,
    phase,
    tookMs: number,
    isRecoverable: flag,
    message: word,
  }),
  HookMessage: fields({ hook: word, phase, message: word }),
  HookNoted: fields({
    hook: pick('one', 'two'),
    state: (random) => ({ key: word(random) }),
  }),
  DriverMessage: fields({
    type: word,
    message: word,
    details: (random) => ({ key: word(random) }),
  }),
  HoldingRecorded: fields({ kind: pick('image', 'volume'), id: pick('one', 'two') }),
  HoldingForgotten: fields({ kind: pick('image', 'volume'), id: pick('one', 'two') }),
  RunStarting: launch,
  TaskRecovered: launch,
  TaskStarted: fields({
    pid: number,
    startTime: word,
    machineEpoch: word,
    startedAt: number,
    network: (random) => ({
      ip: word(random),
      ports: { web: number(random) },
      isAdvertised: flag(random),
    }),
  }),
  TaskStartFailed: fields({ code: word, message: word, isRecoverable: flag }),
  TaskExited: fields({
    exitCode: pick(null, 0, 1, 137),
    signal: pick(null, 'SIGKILL'),
    oomKilled: flag,
    exitedAt: number,
  }),
  TaskLost: fields({ reason: word, maybeRan: flag }),
  TaskReattached: fields({ pid: number }),
  TaskSignaled: fields({ signal: word }),
  SessionOpened: fields({
    session: pick('s1', 's2'),
    argv: (random) => [word(random)],
    user: word,
    isTerminal: flag,
    actor: word,
  }),
  SessionClosed: fields({
    session: pick('s1', 's2'),
    exitCode: pick(null, 0, 1),
    signal: pick(null, 'SIGHUP'),
    reason: word,
  }),
  ServiceRegistered: fields({
    service: pick('web', 'admin'),
    address: word,
    port: number,
    tags: (random) => [word(random)],
    meta: (random) => ({ key: word(random) }),
    isGroups: flag,
  }),
  ServiceDeregistered: fields({ service: pick('web', 'admin'), reason: word }),
  CheckChanged: fields({
    check: pick('one', 'two'),
    service: word,
    status: pick('passing', 'warning', 'critical'),
    before: pick('passing', 'warning', 'critical'),
    output: word,
  }),
  TaskKilling: fields({
    reason: word,
    then: pick('stop', 'restart'),
    signal: word,
    killTimeoutMs: number,
    deadline: number,
    signalAt: number,
    isCounted: flag,
  }),
  TaskKilled: fields({ reason: word }),
  TaskRestarting: fields({
    attempt: number,
    at: number,
    delayMs: number,
    reason: word,
    isCounted: flag,
    intervalStart: number,
    streak: number,
  }),
  TaskHeld: fields({ reason: word }),
  TaskRevived: fields({ revival: number }),
  TaskNotRestarting: fields({ outcome: pick('complete', 'failed', 'lost'), reason: word }),
  TaskStuck: fields({ message: word }),
};

export const ALLOC_FACTS: Readonly<Record<string, Maker>> = {
  AllocReceived: fields({
    name: word,
    spec: fields({ name: word, tasks: () => [] }),
    specHash: word,
    recovered: flag,
    runUntil: number,
  }),
  AllocUpdated: fields({
    spec: fields({ name: word, tasks: () => [] }),
    specHash: word,
    version: number,
    changes: (random) => [
      { task: word(random), action: pick('in-place', 'restart', 'add', 'remove')(random) },
    ],
    runUntil: number,
  }),
  AllocReplacing: fields({ predecessor: word }),
  AllocGateOpened: fields({ gate: pick('prestart', 'main') }),
  AllocStopping: fields({
    reason: word,
    isWished: flag,
    cause: pick('sibling', 'leader', 'mains', 'duration'),
    task: word,
    killAt: number,
    isHurried: flag,
  }),
  AllocRestarting: fields({ reason: word }),
  AllocStopped: fields({
    status: pick('complete', 'failed', 'stopped', 'lost'),
    reason: word,
    endedAt: number,
  }),
  AllocRemoved: fields({ rule: pick('wish', 'age', 'count', 'disk', 'inodes') }),
  AllocRemovalFailed: fields({ reason: word }),
};

/** What is wrong with the makers above: each gives what the vocabulary stores, and no word is left out. */
export function faultsOfMakers(): readonly string[] {
  const random = randomOf(1);
  return [...Object.entries(TASK_EVENTS), ...Object.entries(ALLOC_EVENTS)].flatMap(
    ([type, { data }]) => {
      const made = (TASK_FACTS[type] ?? ALLOC_FACTS[type])?.(random) ?? {};
      return data.fault(made, type) ?? [];
    },
  );
}
