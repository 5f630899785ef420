/** A chart as small as can be, for the tests of the combinator, with a log that knows its words. */
import { assign, setup } from 'xstate';
import { onTestFinished } from 'vitest';
import { SourcedChild } from '../../src/actors/sourced-child.ts';
import type { Duty, EventSourcedSpec } from '../../src/actors/event-sourced.ts';
import { HoldfastError } from '../../src/errors.ts';
import { codecOf } from '../../src/events/codec.ts';
import type { AnyEvent } from '../../src/events/envelope.ts';
import { fields, text } from '../../src/events/shape.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { asDuty } from '../../src/machines/chart-parts.ts';
import { compileChart } from '../../src/machines/chart-table.ts';
import { FakeClock, openMemoryEventLog } from '../../src/testing/index.ts';

export interface Note {
  readonly notes: readonly string[];
}
export type Word =
  | { readonly type: 'Begin' | 'Rest' | 'End' | 'Poke' | 'Ignored' | 'Senseless' | 'Unlawful' }
  | { readonly type: 'Say'; readonly text: string };

export const STREAM = 'task/a1/small';

const words = { schema: 1, data: fields({ text }) };
export const codec = codecOf({
  task: { Begun: words, Rested: words, Ended: words, Poked: words, Noted: words },
  alloc: {},
  node: {},
  audit: {},
});

export const table = compileChart<Note>(
  setup({
    types: { context: {} as Note, events: {} as { type: string; data: { text: string } } },
    actions: {
      keep: assign(({ context, event }) => ({ notes: [...context.notes, event.data.text] })),
      poke: asDuty,
      work: asDuty,
      rest: asDuty,
    },
  }).createMachine({
    context: { notes: [] },
    initial: 'idle',
    states: {
      idle: { on: { Begun: 'working' } },
      working: {
        entry: 'work',
        on: {
          Noted: { actions: 'keep' },
          Poked: { actions: 'poke' },
          Begun: 'working',
          Rested: 'resting',
          Ended: 'over',
        },
      },
      resting: { entry: 'rest', on: { Begun: 'working', Noted: { actions: 'keep' } } },
      over: { type: 'final' },
    },
  }),
);

const TYPES = { Begin: 'Begun', Rest: 'Rested', End: 'Ended', Poke: 'Poked' } as const;

const decide: EventSourcedSpec<Note, Word, AnyEvent>['decide'] = (message) => {
  const event = (type: string, said = ''): readonly AnyEvent[] => [
    { type, run: 1, at: 1, data: { text: said } },
  ];
  switch (message.type) {
    case 'Ignored':
      return [];
    case 'Senseless':
      return { rejected: new HoldfastError('WRONG_STATE', 'makes no sense now') };
    case 'Unlawful':
      return event('Unheard');
    case 'Say':
      return event('Noted', message.text);
    default:
      return event(TYPES[message.type]);
  }
};

export interface SmallActor {
  readonly child: SourcedChild<Note, Word, AnyEvent>;
  readonly clock: FakeClock;
  readonly states: string[];
  readonly restarts: unknown[];
  readonly escalations: HoldfastError[];
}

export interface SmallSetting {
  readonly log?: EventLog;
  readonly duties?: Readonly<Record<string, Duty<Note, Word>>>;
  readonly onPoke?: () => void;
  readonly restarts?: number;
}

export function openLog(): EventLog {
  const log = openMemoryEventLog({ codec });
  onTestFinished(() => log.close());
  return log;
}

export function smallActor(setting: SmallSetting = {}): SmallActor {
  const { log = openLog(), duties = {}, onPoke = () => undefined } = setting;
  const clock = new FakeClock();
  const [states, restarts, escalations]: [string[], unknown[], HoldfastError[]] = [[], [], []];
  const child = new SourcedChild<Note, Word, AnyEvent>(
    {
      stream: STREAM,
      log,
      table,
      folded: { version: 0, position: 0, state: table.initial },
      decide,
      duties,
      oneShots: { poke: onPoke },
    },
    {
      clock,
      intensity: { restarts: setting.restarts ?? 5, withinMs: 60_000 },
      onState: ({ state }) => void states.push(state.value),
      onRestart: (_spec, error) => void restarts.push(error),
      onEscalate: (_spec, error) => void escalations.push(error),
    },
  );
  onTestFinished(() => child.stop());
  child.start();
  return { child, clock, states, restarts, escalations };
}

/** A log whose appends wait until they are let through, or fail when told to. */
export function gatedLog(log: EventLog): {
  readonly log: EventLog;
  open(): void;
  failNext(error: Error): void;
} {
  const gate = Promise.withResolvers<void>();
  let failure: Error | undefined;
  const append: EventLog['append'] = async (stream, version, events) => {
    await gate.promise;
    const error = failure;
    failure = undefined;
    if (error !== undefined) throw error;
    return log.append(stream, version, events);
  };
  const gated = new Proxy(log, {
    get: (target, key) => {
      if (key === 'append') return append;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return {
    log: gated,
    open: () => gate.resolve(),
    failNext(error) {
      failure = error;
    },
  };
}
