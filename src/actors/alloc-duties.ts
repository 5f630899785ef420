/**
 * The work of an alloc's states. Each begins with how the tasks stand, so that an agent which wakes up in the middle of
 * it goes on where the order of the tasks had come to; each ends with a report of how they stand then.
 */
import { killOrder } from '../machines/kill-order.ts';
import type { AllocContext } from '../machines/alloc-machine.ts';
import type { AllocMessage } from '../machines/alloc-messages.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import { pause, type Clock } from '../ports.ts';
import type { Gate } from '../spec/task-spec.ts';
import type { AllocTasks } from './alloc-tasks.ts';
import { applyUpdate } from './alloc-update.ts';
import type { Duty, DutyScope } from './event-sourced.ts';

export interface AllocDutyDoors {
  readonly tasks: AllocTasks;
  readonly clock: Clock;
  /** The alloc has ended: what was kept to rebuild it from is not needed any more. */
  readonly forgetFiles: () => Promise<void>;
  /** Resolves when the alloc from which this one takes over is over; it is asked to end, unless it does so already. */
  readonly endPredecessor: (allocId: string, signal: AbortSignal) => Promise<void>;
}

type AllocScope = DutyScope<AllocContext, AllocMessage>;

/** Which gates stand open in which state. Those before stay open for whatever waits behind them. */
const OPEN: Readonly<Record<'prestart' | 'main' | 'poststart' | 'poststop', readonly Gate[]>> = {
  prestart: ['prestart'],
  main: ['prestart', 'main'],
  poststart: ['prestart', 'main', 'poststart'],
  poststop: ['poststop'],
};

export function allocDuties(
  doors: AllocDutyDoors,
): Readonly<Record<string, Duty<AllocContext, AllocMessage>>> {
  return {
    awaitPredecessor: (scope) => awaitPredecessor(doors, scope),
    openPrestart: (scope) => openGates(doors, scope, 'prestart'),
    openMain: (scope) => openGates(doors, scope, 'main'),
    openPoststart: (scope) => openGates(doors, scope, 'poststart'),
    openPoststop: (scope) => openGates(doors, scope, 'poststop'),
    stopTasks: (scope) => stopTasks(doors, scope),
    restartTasks: (scope) => restartTasks(doors, scope),
    forgetFiles: async () => {
      await doors.forgetFiles();
      return undefined;
    },
  };
}

/** Exactly one of both is at work: this one's first gate opens by what is told here. */
async function awaitPredecessor(
  { endPredecessor }: AllocDutyDoors,
  { state: { context }, signal }: AllocScope,
): Promise<AllocMessage> {
  const { predecessor = '' } = context;
  // crash point: agent.replace.waiting
  await endPredecessor(predecessor, signal);
  // crash point: agent.replace.ended
  return { type: 'PredecessorEnded' };
}

/** Every task has its actor; what an older life of the alloc left waits again; those behind open gates begin. */
async function openGates(
  { tasks }: AllocDutyDoors,
  { state: { context }, signal }: AllocScope,
  newest: keyof typeof OPEN,
): Promise<AllocMessage> {
  // What an update brought begins when what it ended is over.
  tasks.ensure(context, context.version === undefined ? newest : null);
  const open = OPEN[newest];
  // crash point: agent.gates.opening
  await applyUpdate(tasks, context, signal);
  await reviveAll(tasks, context);
  await Promise.all(
    (context.spec?.tasks ?? []).map(async ({ name, gate }) => {
      if (signal.aborted || !open.includes(gate)) return;
      if (tasks.get(name)?.folded.state.value !== 'pending') return;
      await tasks.tell(name, { type: 'OpenGate', gate });
    }),
  );
  return tasks.standings(context);
}

/**
 * What an older life of the alloc left waits again, also when this life ends at once: who has not been begun anew might
 * be so any moment. When this is over, every earlier word to the tasks has been heard.
 */
async function reviveAll(tasks: AllocTasks, { restarts: revival, spec }: AllocContext) {
  if (revival === undefined) return;
  const revive = { type: 'ReviveTask', revival } as const;
  await Promise.all((spec?.tasks ?? []).map(({ name }) => tasks.tell(name, revive)));
}

async function stopTasks(doors: AllocDutyDoors, scope: AllocScope): Promise<AllocMessage> {
  const { tasks, clock } = doors;
  const { context } = scope.state;
  tasks.ensure(context, null);
  const { killAt, reason, isHurried, cause, isPoststopOpen, predecessor } = context;
  // crash point: agent.alloc.stopping
  await withdrawServices(tasks, context);
  if (predecessor !== undefined) {
    // Nothing of this one has begun. It is over when nothing of its name is at work any more.
    await doors.endPredecessor(predecessor, scope.signal);
  } else if (killAt !== undefined) {
    // A machine that was started with a wrong wall clock must not wait for years.
    const longest = clock.steady() + (context.spec?.shutdownDelayMs ?? 0);
    await pause(clock, Math.min(killAt, longest), scope.signal);
  }
  const withPoststop = isPoststopOpen === true || cause === 'duration';
  const stop = { type: 'StopTask', reason, ...(isHurried === true ? { isHurried } : {}) } as const;
  await endInOrder(doors, scope, stop, withPoststop);
  return tasks.standings(context);
}

/** Those of the group: who looks for it is to look elsewhere, while its programs still run. */
async function withdrawServices(tasks: AllocTasks, { spec, reason }: AllocContext): Promise<void> {
  const givers = (spec?.tasks ?? []).filter(({ services = [] }) =>
    services.some(({ isGroups }) => isGroups === true),
  );
  const withdraw = { type: 'WithdrawServices', reason } as const;
  await Promise.all(givers.map(({ name }) => tasks.tell(name, withdraw)));
}

/** Nobody is judged: whatever becomes of the tasks now, they begin anew. */
async function restartTasks(doors: AllocDutyDoors, scope: AllocScope): Promise<AllocMessage> {
  const { tasks } = doors;
  const { context } = scope.state;
  tasks.ensure(context, null);
  const stop = { type: 'StopTask', reason: context.reason, isHurried: true } as const;
  // crash point: agent.alloc.restarting
  await endInOrder(doors, scope, stop, false);
  return tasks.standings(context);
}

async function endInOrder(
  { tasks }: AllocDutyDoors,
  { state: { context }, signal }: AllocScope,
  stop: TaskMessage,
  withPoststop: boolean,
): Promise<void> {
  await reviveAll(tasks, context);
  const waves = [
    ...killOrder(context.spec?.tasks ?? [], { withPoststop }),
    ...killOrder(context.removedTasks ?? [], { withPoststop: true }),
  ];
  // Those that never began have nothing to wait for.
  const early = tasks.notBegun(waves.flat());
  await Promise.all(early.map((name) => tasks.tell(name, stop)));
  for (const wave of waves) {
    signal.throwIfAborted();
    // crash point: agent.alloc.wave
    await Promise.all(wave.map((name) => tasks.tell(name, stop)));
    await tasks.untilOver(wave, signal);
  }
}
