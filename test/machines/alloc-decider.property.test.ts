/** Random groups, commands at random moments, and reports that come late: an alloc is never wrong about its tasks. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { AllocEvent } from '../../src/events/alloc-event.ts';
import { encode } from '../../src/events/codec.ts';
import { decideAlloc } from '../../src/machines/alloc-decider.ts';
import { allocTable, type AllocState } from '../../src/machines/alloc-machine.ts';
import type { AllocMessage, TaskStanding } from '../../src/machines/alloc-messages.ts';
import { versionOf } from '../../src/machines/alloc-update.ts';
import { evolve, isLawful } from '../../src/machines/chart-table.ts';
import { isRejection } from '../../src/machines/decision.ts';
import type { TaskSpec } from '../../src/spec/task-spec.ts';
import { tries } from '../properties/tries.ts';
import { allocSpec, T, taskSpec, waiting } from './stories.ts';

vi.setConfig({ testTimeout: 600_000 });

const kinds = fc.constantFrom<Partial<TaskSpec>>(
  { gate: 'prestart' },
  { gate: 'prestart', isSidecar: true },
  { gate: 'main' },
  { gate: 'main' },
  { gate: 'main', isLeader: true },
  { gate: 'poststart' },
  { gate: 'poststart', isSidecar: true },
  { gate: 'poststop' },
);
const move = fc.record({
  kind: fc.oneof(
    { weight: 40, arbitrary: fc.constantFrom('duty', 'duty', 'task', 'report', 'late') },
    { weight: 3, arbitrary: fc.constantFrom('restart', 'update') },
    { weight: 1, arbitrary: fc.constantFrom('stop', 'hurry', 'time') },
  ),
  which: fc.nat(100),
  fails: fc.boolean(),
});
const lives = fc.tuple(
  fc.array(kinds, { minLength: 1, maxLength: 6 }),
  fc.array(move, { maxLength: 200 }),
);
type Life = typeof lives extends fc.Arbitrary<infer L> ? L : never;
type Move = Life[1][number];

const OPEN: Readonly<Record<string, readonly string[]>> = {
  prestart: ['prestart'],
  main: ['prestart', 'main'],
  poststart: ['prestart', 'main', 'poststart'],
  poststop: ['poststop'],
};

/** An alloc with tasks that do as they are told, one little step after the other. */
class World {
  readonly events: AllocEvent[] = [];
  readonly specs: readonly TaskSpec[];
  state: AllocState = allocTable.initial;
  readonly #reports: AllocMessage[] = [];
  #tasks: TaskStanding[];

  constructor(group: Life[0]) {
    this.specs = group.map((kind, index) => taskSpec({ ...kind, name: `t${index}` }));
    this.#tasks = this.specs.map(({ name }) => waiting(name));
    const spec = allocSpec(...this.specs);
    const taking = group.length % 2 === 0 ? { replaces: 'a0' } : {};
    this.mail({ type: 'ReceiveAlloc', spec, specHash: 'h', recovered: false, ...taking });
  }

  mail(message: AllocMessage): void {
    const decision = decideAlloc(message, this.state, { now: T, steady: T });
    if (isRejection(decision)) return;
    for (const event of decision) {
      if (!isLawful(allocTable, this.state, event.type)) {
        throw new Error(`${message.type} gives ${event.type} in ${this.state.value}`);
      }
      encode('alloc/a1', event);
      this.#check(event);
      this.state = evolve(allocTable, this.state, event);
      this.events.push(event);
    }
  }

  make({ kind, which, fails }: Move): void {
    const { value, context } = this.state;
    const index = which % this.specs.length;
    if (kind === 'stop') this.mail({ type: 'StopAlloc', reason: 'enough' });
    if (kind === 'hurry') this.mail({ type: 'StopAlloc', reason: 'now', isHurried: true });
    if (kind === 'restart') this.mail({ type: 'RestartAlloc', reason: 'again' });
    if (kind === 'time') this.mail({ type: 'DurationElapsed' });
    if (kind === 'update' && context.spec !== undefined) {
      const from = versionOf(context);
      const wish = { spec: context.spec, specHash: `h${which}`, from, changes: [] };
      this.mail({ type: 'UpdateAlloc', ...wish, beginsAnew: fails });
    }
    if (kind === 'duty' && value === 'waiting') return this.mail({ type: 'PredecessorEnded' });
    if (kind === 'report') {
      this.#reports.push(this.report());
      this.mail(this.report());
    }
    // However old it is.
    const late = this.#reports[which % Math.max(1, this.#reports.length)];
    if (kind === 'late' && late !== undefined) this.mail(late);
    if (kind === 'task') this.#go(index, fails);
    if (kind === 'duty') this.#serve(index, value, context);
  }

  report(): AllocMessage {
    return { type: 'TasksChanged', standings: [...this.#tasks] };
  }

  #set(index: number, change: Partial<TaskStanding>): void {
    const before = this.#tasks[index] as TaskStanding;
    this.#tasks = this.#tasks.with(index, { ...before, ...change });
  }

  /** It starts, ends, or waits to be started again. */
  #go(index: number, fails: boolean): void {
    const { hasBegun, isDead, isRunning } = this.#tasks[index] as TaskStanding;
    if (!hasBegun || isDead) return;
    if (!isRunning) return this.#set(index, { isRunning: true, hasStarted: true });
    if (fails && index % 2 === 0) return this.#set(index, { isRunning: false });
    const outcome = fails ? 'failed' : 'complete';
    this.#set(index, { isRunning: false, isDead: true, outcome });
  }

  /** One step of the duty of the state: for one task, in no order. */
  #serve(index: number, value: string, context: AllocState['context']): void {
    const revival = context.restarts ?? 0;
    const task = this.#tasks[index] as TaskStanding;
    const { gate } = this.specs[index] as TaskSpec;
    if (task.revival < revival && (task.isDead || !task.hasBegun)) {
      return this.#set(index, { ...waiting(task.task), revival });
    }
    if (OPEN[value]?.includes(gate) === true && !task.hasBegun && task.revival === revival) {
      return this.#set(index, { hasBegun: true });
    }
    const isEnding = value === 'stopping' || value === 'restarting';
    const isMeant = gate !== 'poststop' || context.isPoststopOpen || context.cause === 'duration';
    if (!isEnding || !isMeant || task.isDead) return;
    this.#set(index, { hasBegun: true, isRunning: false, isDead: true, outcome: 'stopped' });
  }

  #check(event: AllocEvent): void {
    const life = this.state.context.restarts ?? 0;
    const isOver = ({ isDead, revival }: TaskStanding): boolean => isDead && revival === life;
    const dead = (meant: (spec: TaskSpec) => boolean): boolean =>
      this.#tasks.every((task, index) => !meant(this.specs[index] as TaskSpec) || isOver(task));
    if (event.type === 'AllocStopped') expect(dead(() => true)).toBe(true);
    if (event.type === 'AllocRestarted' || event.type === 'AllocPoststopOpened') {
      expect(dead(({ gate }) => gate !== 'poststop')).toBe(true);
    }
    if (event.type === 'AllocGateOpened') {
      expect(dead(({ gate, isSidecar }) => gate === 'prestart' && isSidecar !== true)).toBe(true);
    }
    if (event.type === 'AllocPoststartOpened') {
      const main = this.#tasks.filter((_task, index) => this.specs[index]?.gate === 'main');
      expect(main.every((one) => one.hasStarted || isOver(one))).toBe(true);
    }
  }
}

function live([group, moves]: Life): World {
  const world = new World(group);
  for (const one of moves) world.make(one);
  return world;
}

describe('an alloc, whatever becomes of its tasks and whoever asks for what', () => {
  it('opens no gate, begins nothing anew and does not end before its tasks are so far', () => {
    fc.assert(
      fc.property(lives, (life) => void live(life)),
      tries(500),
    );
  });

  it('is decided the same way from the same state', () => {
    fc.assert(
      fc.property(lives, (life) => {
        expect(live(life).events).toEqual(live(life).events);
      }),
      tries(50),
    );
  });

  it('comes to its end once somebody stops it', () => {
    fc.assert(
      fc.property(lives, ([group, moves]) => {
        const world = live([group, moves]);
        const steps = ['report', 'duty', 'task'] as const;
        world.mail({ type: 'StopAlloc', reason: 'enough' });
        for (let round = 0; round < 12; round += 1) {
          for (const kind of steps) {
            for (let which = 0; which < group.length; which += 1) {
              world.make({ kind, which, fails: false });
            }
          }
        }
        expect(world.state.value).toBe('stopped');
        expect(world.events.filter(({ type }) => type === 'AllocStopped')).toHaveLength(1);
      }),
      tries(200),
    );
  });

  it('visits every state of its chart', () => {
    const seen = new Set<string>(['removed']);
    for (const life of fc.sample(lives, { numRuns: 500, seed: 7 })) {
      let state: AllocState = allocTable.initial;
      seen.add(state.value);
      for (const event of live(life).events) {
        state = evolve(allocTable, state, event);
        seen.add(state.value);
      }
    }
    expect([...allocTable.states.keys()].filter((value) => !seen.has(value))).toEqual([]);
  });
});
