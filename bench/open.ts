/**
 * Opening: 10,000 known tasks with 1,000,000 events, from all events and from snapshots; what making the snapshots
 * costs, and for how long it keeps others waiting.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { allocStream, taskStream, type AnyEvent } from '../src/events/envelope.ts';
import { FOLDING } from '../src/actors/fold-row.ts';
import { emptyReplay, replayLog, type Replayed } from '../src/actors/replay.ts';
import { SnapshotKeeper } from '../src/actors/snapshot-keeper.ts';
import { StartGate } from '../src/actors/start-gate.ts';
import type { EventLog } from '../src/log/event-log.ts';
import { openStore } from '../src/log/open-store.ts';
import { openSqliteEventLog } from '../src/log/sqlite-event-log.ts';
import { taskMachine } from '../src/machines/task-machine.ts';
import { initialTransition, transition } from 'xstate';
import { openOrchestrator } from '../src/orchestrator.ts';
import { layoutOf } from '../src/layout.ts';
import { DEFAULT_RESTART } from '../src/spec/alloc-spec.ts';
import { silentLogger } from '../src/ports.ts';
import { printFigures, type Figure } from './figures.ts';

const TASKS = 10_000;
const EVENTS_A_TASK = 100;
const LAST_STREAM = allocStream(`alloc-${TASKS - 1}`);

/** A service that crashed again and again: five events a run, ended at last. */
function* lifeOf(allocId: string): Generator<AnyEvent> {
  const at = 1_795_000_000_000;
  const event = (type: string, run: number, data: unknown): AnyEvent => ({ type, run, at, data });
  yield event('TaskReceived', 0, {
    allocName: 'bench',
    task: 'one',
    driver: 'raw_exec',
    gate: 'main',
    hooks: ['validate', 'task-dir', 'logmon'],
    restart: DEFAULT_RESTART.service,
    restartOnSuccess: true,
    killSignal: 'SIGTERM',
    killTimeoutMs: 5_000,
  });
  yield event('GateOpened', 0, { gate: 'main' });
  const runs = Math.floor((EVENTS_A_TASK - 6) / 10);
  for (let run = 1; run <= runs; run += 1) {
    for (const hook of ['validate', 'task-dir', 'logmon']) {
      yield event('HookCompleted', run - 1, {
        hook,
        phase: 'prestart',
        tookMs: 1,
        isDone: false,
        env: [],
        state: {},
      });
    }
    yield event('PrestartCompleted', run - 1, {});
    const launchKey = `${allocId.padStart(16, 'a')}aaaa`.slice(0, 20);
    yield event('RunStarting', run, {
      launchKey,
      token: '0'.repeat(32),
      mark: `m:${launchKey}`,
      deadline: at,
    });
    yield event('TaskStarted', run, {
      pid: 4_711,
      startTime: '123456',
      machineEpoch: 'e',
      startedAt: at,
    });
    yield event('TaskSignaled', run, { signal: 'SIGHUP' });
    yield event('TaskExited', run, { exitCode: 1, signal: null, oomKilled: false, exitedAt: at });
    if (run === runs) break;
    yield event('TaskRestarting', run, {
      attempt: 1,
      at,
      delayMs: 0,
      reason: 'Restart within policy',
      isCounted: true,
      intervalStart: at,
    });
    yield event('RestartDelayElapsed', run, {});
  }
  yield event('TaskNotRestarting', runs, { outcome: 'failed', reason: 'enough' });
  yield event('CleanupCompleted', runs, {});
}

async function fill(path: string): Promise<number> {
  const log = openSqliteEventLog({ path });
  let written = 0;
  for (let task = 0; task < TASKS; task += 1) {
    const allocId = `alloc-${task}`;
    const events = [...lifeOf(allocId)];
    const spec = {
      version: 1,
      name: `bench-${task}`,
      type: 'service',
      meta: {},
      labels: {},
      tasks: [{ name: 'one', driver: 'raw_exec' }],
    };
    const at = 1_795_000_000_000;
    const appends = [
      log.append(taskStream(allocId, 'one'), 0, events),
      log.append(allocStream(allocId), 0, [
        {
          type: 'AllocReceived',
          run: 0,
          at,
          data: { name: spec.name, spec, specHash: 'h', recovered: false },
        },
        { type: 'AllocGateOpened', run: 0, at, data: { gate: 'main' } },
        { type: 'AllocStopped', run: 0, at, data: { status: 'failed', reason: 'enough' } },
      ]),
    ];
    written += events.length + 3;
    if (task % 50 === 49) await Promise.all(appends);
  }
  await log.close();
  return written;
}

export async function benchOpen(): Promise<readonly Figure[]> {
  const home = mkdtempSync(join(tmpdir(), 'hf-bench-'));
  try {
    const { storeDir } = layoutOf(home);
    const { log: made } = await openStore({ dir: storeDir, logger: silentLogger });
    await made.close();
    const events = await fill(join(storeDir, 'log.db'));
    const whole = await timedOpen(home);
    const fromSnapshots = await timedOpen(home);
    const { log } = await openStore({ dir: storeDir, logger: silentLogger });
    log.snapshots.drop('to measure a full replay');
    const replay = timedReplay(log);
    const keeping = await timedKeeping(log, replay.replayed);
    await log.close();
    const baseline = { name: "XState's transition()", value: transitionRate() };
    const target = '<= 3';
    return [
      { ...REPLAY, value: replay.rate, baseline },
      {
        name: `open with ${TASKS} tasks, ${events} events, without snapshots`,
        value: whole.openS,
        unit: 's',
        target,
      },
      {
        name: 'the same with snapshots',
        value: fromSnapshots.openS,
        unit: 's',
        target,
        baseline: { name: 'without', value: whole.openS },
      },
      { name: 'closing it, all snapshots made', value: whole.closeS, unit: 's' },
      { name: 'closing it, nothing to be made', value: fromSnapshots.closeS, unit: 's' },
      ...keeping,
    ];
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const REPLAY = { name: 'replay from disk to state', unit: 'events/s', target: '>= 400,000' };

async function timedOpen(dataDir: string) {
  const began = performance.now();
  const orchestrator = await openOrchestrator({ dataDir });
  const opened = performance.now();
  await orchestrator.close({ tasks: 'leave' });
  const closed = performance.now();
  return { openS: (opened - began) / 1_000, closeS: (closed - opened) / 1_000 };
}

function timedReplay(log: EventLog) {
  const replayed = emptyReplay();
  const began = performance.now();
  replayLog(log, replayed);
  return { replayed, rate: (replayed.events * 1_000) / (performance.now() - began) };
}

/** Makes all snapshots in the background, and measures how late timers are that run beside it. */
async function timedKeeping(log: EventLog, replayed: Replayed): Promise<readonly Figure[]> {
  const idle = await lateness(() => pause(1_000));
  const began = performance.now();
  const busy = await lateness(async () => {
    const gate = new StartGate();
    new SnapshotKeeper({ log, logger: silentLogger, gate, replayed }).watch();
    while (log.snapshots.find(FOLDING, LAST_STREAM) === undefined) await pause(10);
  });
  const tookS = (performance.now() - began) / 1_000;
  const beside = (value: number) => ({
    unit: 'ms',
    baseline: { name: 'with nothing to do', value },
  });
  return [
    { name: 'all snapshots in the background', value: tookS, unit: 's' },
    { name: 'timers were late meanwhile, p99', value: busy.p99Ms, ...beside(idle.p99Ms) },
    { name: 'at most', value: busy.mostMs, ...beside(idle.mostMs) },
  ];
}

async function lateness(work: () => Promise<unknown>) {
  const late = monitorEventLoopDelay({ resolution: 1 });
  late.enable();
  await work();
  late.disable();
  return { p99Ms: late.percentile(99) / 1e6, mostMs: late.max / 1e6 };
}

/** The same lives folded by the library, from memory. */
function transitionRate(): number {
  const lives = Array.from({ length: 50 }, (_one, index) => [...lifeOf(`alloc-${index}`)]);
  const began = performance.now();
  let count = 0;
  for (const life of lives) {
    let [snapshot] = initialTransition(taskMachine);
    for (const event of life) {
      [snapshot] = transition(
        taskMachine,
        snapshot,
        event as Parameters<typeof transition<typeof taskMachine>>[2],
      );
      count += 1;
    }
  }
  return (count * 1_000) / (performance.now() - began);
}

if (import.meta.main) printFigures(await benchOpen());
