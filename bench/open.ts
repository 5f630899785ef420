/** Opening: 10,000 known tasks with 1,000,000 events, and reattaching to 100 running tasks after a kill. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allocStream, taskStream, type AnyEvent } from '../src/events/envelope.ts';
import { emptyReplay, replayLog } from '../src/actors/replay.ts';
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
    const began = performance.now();
    const orchestrator = await openOrchestrator({ dataDir: home });
    const openMs = performance.now() - began;
    await orchestrator.close();
    const replayed = emptyReplay();
    const { log } = await openStore({ dir: storeDir, logger: silentLogger });
    const replayBegan = performance.now();
    replayLog(log, replayed);
    const rate = (replayed.events * 1_000) / (performance.now() - replayBegan);
    await log.close();
    const baseline = { name: "XState's transition()", value: transitionRate() };
    return [
      {
        name: 'replay from disk to state',
        value: rate,
        unit: 'events/s',
        target: '>= 400,000',
        baseline,
      },
      {
        name: `open with ${TASKS} tasks, ${events} events`,
        value: openMs / 1_000,
        unit: 's',
        target: '<= 3',
      },
    ];
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
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
