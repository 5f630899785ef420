/** The table that events are folded by means exactly what XState's pure `transition()` means: shown step by step. */
import { transition, type AnyStateMachine } from 'xstate';
import { expect } from 'vitest';
import type { AnyEvent } from '../../src/events/envelope.ts';
import {
  evolve,
  evolveInPlace,
  isFinal,
  ownState,
  type ChartTable,
} from '../../src/machines/chart-table.ts';
import { randomOf } from './random-facts.ts';

export const STEPS = 20_000;

/** Walks at random over lawful edges, folding each event in each of three ways. Gives how many steps were compared. */
export function walkBoth<C>(
  table: ChartTable<C>,
  machine: AnyStateMachine,
  facts: Readonly<Record<string, (random: () => number) => unknown>>,
): number {
  const random = randomOf(42);
  let steps = 0;
  while (steps < STEPS) {
    let ours = table.initial;
    const inPlace = ownState(ours);
    let theirs = machine.resolveState({ value: ours.value, context: ours.context });
    while (!isFinal(table, ours.value) && steps < STEPS) {
      const types = [...(table.states.get(ours.value)?.edges.keys() ?? [])];
      const type = types[Math.floor(random() * types.length)] as string;
      const event: AnyEvent = {
        type,
        run: Math.floor(random() * 5),
        at: Math.floor(random() * 1e9),
        data: facts[type]?.(random) ?? {},
      };
      ours = evolve(table, ours, event);
      evolveInPlace(table, inPlace, event, () => event);
      [theirs] = transition(machine, theirs, event);
      for (const { value, context } of [ours, inPlace]) {
        if (theirs.value === value && isSame(theirs.context, context)) continue;
        expect({ type, value, context }).toEqual({ value: theirs.value, context: theirs.context });
      }
      steps += 1;
    }
  }
  return steps;
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
