/**
 * Given these events, when this message comes, then these events follow. What is expected may leave fields out; what
 * is decided must be lawful in the chart and must fit the stored shape, or the sentence fails.
 */
import { deepStrictEqual, fail } from 'node:assert/strict';
import { encode } from '../events/codec.ts';
import type { AnyEvent, StreamName } from '../events/envelope.ts';
import { edgesOf, evolve, type ChartState, type ChartTable } from '../machines/chart-table.ts';
import { decideAlloc } from '../machines/alloc-decider.ts';
import { allocTable, type AllocContext } from '../machines/alloc-machine.ts';
import type { AllocMessage } from '../machines/alloc-messages.ts';
import { isRejection, type Decision, type DecisionTools } from '../machines/decision.ts';
import { decideTask } from '../machines/task-decider.ts';
import { taskTable } from '../machines/task-machine.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import type { TaskContext } from '../machines/task-state.ts';
import type { AllocEvent } from '../events/alloc-event.ts';
import type { TaskEvent } from '../events/task-event.ts';
import type { ErrorCode } from '../errors.ts';

/** A chart with its decider, and a memory of the edges that its sentences have walked. */
export interface Subject<C, M, E extends AnyEvent> {
  readonly stream: StreamName;
  readonly table: ChartTable<C>;
  readonly decide: (message: M, state: ChartState<C>, tools: DecisionTools) => Decision<E>;
  /** Edges that a decision led over, as `from --event--> to`. */
  readonly walked: Set<string>;
}

/** An expected event: what is left out of `data`, and a missing `run`, may be anything. */
export type Expected<E extends AnyEvent> = E extends AnyEvent
  ? { readonly type: E['type']; readonly run?: number; readonly data?: Partial<E['data']> }
  : never;

export function taskSubject(): Subject<TaskContext, TaskMessage, TaskEvent> {
  const stream = 'task/a1/web';
  return { stream, table: taskTable, decide: decideTask, walked: new Set() };
}

export function allocSubject(): Subject<AllocContext, AllocMessage, AllocEvent> {
  return { stream: 'alloc/a1', table: allocTable, decide: decideAlloc, walked: new Set() };
}

/** What decisions get unless a sentence says otherwise. */
export function fixedTools(tools: Partial<DecisionTools> = {}): DecisionTools {
  return {
    now: 1_000_000,
    steady: tools.now ?? 1_000_000,
    chance: 0,
    newLaunch: (run) => ({
      launchKey: `key${run}`,
      token: `token${run}`,
      mark: `i:key${run}`,
      machineEpoch: 'boot',
    }),
    ...tools,
  };
}

export function foldAll<C>(table: ChartTable<C>, events: readonly AnyEvent[]): ChartState<C> {
  return events.reduce((state, event) => evolve(table, state, event), table.initial);
}

export function given<C, M, E extends AnyEvent>(
  subject: Subject<C, M, E>,
  events: readonly E[],
): { when(message: M, tools?: Partial<DecisionTools>): Sentence<C, M, E> } {
  const state = foldAll(subject.table, events);
  return {
    when(message, tools) {
      return new Sentence(subject, state, subject.decide(message, state, fixedTools(tools)));
    },
  };
}

class Sentence<C, M, E extends AnyEvent> {
  readonly #subject: Subject<C, M, E>;
  readonly #state: ChartState<C>;
  readonly #decision: Decision<E>;

  constructor(subject: Subject<C, M, E>, state: ChartState<C>, decision: Decision<E>) {
    this.#subject = subject;
    this.#state = state;
    this.#decision = decision;
  }

  /** Fails unless exactly these events follow. Gives the state that they lead to. */
  thenGives(...expected: readonly Expected<E>[]): ChartState<C> {
    const found = this.#decision;
    if (isRejection(found)) return fail(`rejected: ${found.rejected.message}`);
    deepStrictEqual(
      found.map(({ type }) => type),
      expected.map(({ type }) => type),
    );
    for (const [index, event] of found.entries()) matches(event, expected[index] as Wanted);
    return this.#walk(found);
  }

  thenNothing(): void {
    this.thenGives();
  }

  thenRejects(code: ErrorCode): void {
    if (!isRejection(this.#decision)) fail(`not rejected: ${typesOf(this.#decision)}`);
    deepStrictEqual(this.#decision.rejected.code, code);
  }

  #walk(events: readonly E[]): ChartState<C> {
    const { table, stream, walked } = this.#subject;
    let state = this.#state;
    for (const event of events) {
      encode(stream, event);
      const next = evolve(table, state, event);
      walked.add(edgeText({ from: state.value, event: event.type, to: next.value }));
      state = next;
    }
    return state;
  }
}

/** Edges of the chart that no decision of the subject's sentences led over. */
export function unwalkedEdges<C, M, E extends AnyEvent>(
  subject: Subject<C, M, E>,
): readonly string[] {
  return edgesOf(subject.table)
    .map(edgeText)
    .filter((edge) => !subject.walked.has(edge));
}

type Wanted = { readonly type: string; readonly run?: number; readonly data?: object };

function matches(found: AnyEvent, wanted: Wanted): void {
  if (wanted.run !== undefined) deepStrictEqual([found.type, found.run], [wanted.type, wanted.run]);
  const facts = found.data as Record<string, unknown>;
  const named = Object.keys(wanted.data ?? {}).map((key) => [key, facts[key]]);
  deepStrictEqual(Object.fromEntries(named), { ...wanted.data });
}

function edgeText({ from, event, to }: { from: string; event: string; to: string }): string {
  return `${from} --${event}--> ${to}`;
}

function typesOf(events: readonly AnyEvent[]): string {
  return events.map(({ type }) => type).join(', ') || 'nothing';
}
