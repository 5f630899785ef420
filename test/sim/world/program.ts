/** A task's program: numbers its lines, ends with a code of its own, heeds signals or does not, may leave a child. */
import type { Launch } from '../ledger.ts';
import { behaviourOf, type Behaviour } from './behaviour.ts';
import type { Process } from './processes.ts';
import type { RunFacts, ShimWish } from './shim.ts';
import type { World } from './world.ts';

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly isExecRefused?: boolean;
}

/** Lines that a FIFO holds before a writer must wait. */
const FIFO_LINES = 64;
const LINES_AT_ONCE = 10;
const FULL_FIFO_AGAIN_MS = 50;

export function becomeProgram(
  world: World,
  me: Process,
  facts: RunFacts,
  wish: ShimWish,
  end: (how: ProgramEnd) => void,
): void {
  const behaviour = behaviourOf(world.seed, facts.allocId, facts.task, facts.run);
  if (behaviour.isExecRefused) return end({ code: 126, signal: null, isExecRefused: true });
  me.session = me.pid;
  me.group = me.pid;
  me.environment = `HOLDFAST_MARK=${facts.mark}\0PATH=/bin\0`;
  me.commandLine = '/bin/program';
  const life = world.disk.find(`${wish.runDir}/life`);
  world.disk.closeOne(life, me);
  const { launchKey, allocId, task, run } = facts;
  const launch = { launchKey, allocId, task, run, pid: me.pid, process: me };
  const entry: Launch = { ...launch, atMs: world.nowMs, end: undefined, lines: 0 };
  world.ledger.launch(entry);
  world.watcher?.onLaunch(entry);
  me.onEnd.push(() => {
    entry.end ??= { code: null, signal: 'SIGKILL', atMs: world.nowMs };
    world.note(`the program of ${launchKey} ends: ${entry.end.code ?? entry.end.signal}`);
  });
  const leave = (how: ProgramEnd): void => {
    entry.end = { ...how, atMs: world.nowMs };
    if (behaviour.leavesOneBehind) leaveOneBehind(world, me, launchKey, behaviour.isUnmarked);
    end(how);
  };
  obey(world, me, behaviour, leave);
  work(world, me, behaviour, wish, entry, leave);
}

/** One that gave its mark and its session away is known by its cgroup alone, once its parent is gone. */
function leaveOneBehind(world: World, me: Process, launchKey: string, isUnmarked: boolean): void {
  const environment = isUnmarked ? '' : me.environment;
  const left = world.spawn({ kind: 'leftover', parent: me, environment, leads: isUnmarked });
  if (left === undefined) return;
  left.onSignal = (signal) => {
    if (signal === 'SIGTERM') world.processes.end(left);
  };
  world.ledger.join(launchKey, left);
}

function obey(
  world: World,
  me: Process,
  { onTerm, lingersMs, code }: Behaviour,
  leave: (how: ProgramEnd) => void,
): void {
  me.onSignal = (signal) => {
    if (signal === 'SIGUSR1' || onTerm === 'ignores') return;
    if (onTerm === 'dies') return leave({ code: null, signal });
    const delayMs = onTerm === 'exits' ? 1 : lingersMs;
    world.scheduler.after(delayMs, me, 'heeds a signal', () => leave({ code, signal: null }));
  };
}

function work(
  world: World,
  me: Process,
  behaviour: Behaviour,
  wish: ShimWish,
  entry: { lines: number; readonly run: number },
  leave: (how: ProgramEnd) => void,
): void {
  const { lines, everyMs, runMs, code } = behaviour;
  const endsAtMs = runMs === undefined ? undefined : world.nowMs + runMs;
  const goOn = (): void => {
    const fifo = world.disk.find(wish.stdoutFifo)?.fifo;
    if (entry.lines < lines) {
      const isFull = fifo !== undefined && fifo.waiting.length >= FIFO_LINES;
      const last = isFull ? 0 : Math.min(lines, entry.lines + LINES_AT_ONCE);
      while (entry.lines < last) {
        entry.lines += 1;
        fifo?.waiting.push(`${entry.run}:${entry.lines}`);
      }
      if (fifo !== undefined) world.disk.wake(fifo);
      world.scheduler.after(isFull ? FULL_FIFO_AGAIN_MS : everyMs, me, 'writes a line', goOn);
    } else if (endsAtMs !== undefined) {
      const last = (): void => leave({ code, signal: null });
      world.scheduler.at(endsAtMs, me, 'ends by itself', last);
    }
  };
  goOn();
}
