/** The table that events are folded by means exactly what XState's pure `transition()` means: shown step by step. */
import { transition, type AnyStateMachine } from 'xstate';
import { expect } from 'vitest';
import type { AnyEvent } from '../../src/events/envelope.ts';
import {
  edgesOf,
  evolve,
  evolveInPlace,
  isFinal,
  ownState,
  type ChartTable,
} from '../../src/machines/chart-table.ts';
import { randomOf } from './random-facts.ts';

/** A life is no longer: what is remembered grows with it, and most charts never come to an end by chance. */
const LIFE = 25;

/**
 * Walks so many steps at random over lawful edges, folding each event in each of three ways. Gives the edges that were
 * compared, such as `running TaskExited`.
 */
export function walkBoth<C>(
  steps: number,
  table: ChartTable<C>,
  machine: AnyStateMachine,
  facts: Readonly<Record<string, (random: () => number) => unknown>>,
): ReadonlySet<string> {
  const random = randomOf(42);
  const walked = new Set<string>();
  let step = 0;
  while (step < steps) {
    let ours = table.initial;
    const inPlace = ownState(ours);
    let theirs = machine.resolveState({ value: ours.value, context: ours.context });
    const last = Math.min(steps, step + LIFE);
    while (!isFinal(table, ours.value) && step < last) {
      const types = [...(table.states.get(ours.value)?.edges.keys() ?? [])];
      const type = types[Math.floor(random() * types.length)] as string;
      const event: AnyEvent = {
        type,
        run: Math.floor(random() * 5),
        at: Math.floor(random() * 1e9),
        data: facts[type]?.(random) ?? {},
      };
      walked.add(`${ours.value} ${type}`);
      ours = evolve(table, ours, event);
      evolveInPlace(table, inPlace, event, () => event);
      [theirs] = transition(machine, theirs, event);
      for (const { value, context } of [ours, inPlace]) {
        if (theirs.value === value && isSame(theirs.context, context)) continue;
        expect({ type, value, context }).toEqual({ value: theirs.value, context: theirs.context });
      }
      step += 1;
    }
  }
  return walked;
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Every edge of the table, in the words of `walkBoth`. */
export function edgesToWalk<C>(table: ChartTable<C>): readonly string[] {
  const reached = edgesOf(table).filter(({ from }) => !isFinal(table, from));
  return [...new Set(reached.map(({ from, event }) => `${from} ${event}`))];
}
