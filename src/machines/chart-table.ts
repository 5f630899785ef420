/**
 * A chart compiled to a table. XState's `transition()` is the meaning of a chart; folding a million events through it
 * would take a quarter of a minute, so the same chart is read once into a map and folded from there. A test proves the
 * two equal. Only what our charts may hold is accepted: named assigns, one duty per state, no guards.
 */
import type { AnyStateMachine } from 'xstate';
import { assert, HoldfastError } from '../errors.ts';
import type { AnyEvent } from '../events/envelope.ts';

export interface ChartState<C> {
  /** Name of the state, such as `running`. */
  readonly value: string;
  readonly context: C;
}

type Assign<C> = (args: { context: C; event: AnyEvent }) => Partial<C>;

interface Edge<C> {
  /** Undefined: the state is kept, and so is its duty. */
  readonly to: string | undefined;
  readonly assigns: readonly Assign<C>[];
  /** Named actions that are done once, when the event was appended, and never on replay. */
  readonly oneShots: readonly string[];
}

export interface ChartTable<C> {
  readonly initial: ChartState<C>;
  readonly states: ReadonlyMap<string, StateRow<C>>;
}

interface StateRow<C> {
  readonly duty: string | undefined;
  readonly isFinal: boolean;
  readonly edges: ReadonlyMap<string, Edge<C>>;
}

/** One edge as it stands in the chart, for drawings and for coverage. */
export interface EdgeName {
  readonly from: string;
  readonly event: string;
  readonly to: string;
}

interface NodeLike {
  readonly key: string;
  readonly type: string;
  readonly entry: readonly ActionLike[];
  readonly exit: readonly ActionLike[];
  readonly invoke: readonly unknown[];
  readonly transitions: ReadonlyMap<string, readonly TransitionLike[]>;
}
interface TransitionLike {
  readonly target?: readonly { readonly key: string }[] | undefined;
  readonly guard?: unknown;
  readonly actions: readonly ActionLike[];
}
type ActionLike = string | { readonly type: string } | ((...args: never[]) => unknown);

/** Reads a machine into a table. Throws for anything a chart of ours may not hold. */
export function compileChart<C>(machine: AnyStateMachine): ChartTable<C> {
  const states = new Map<string, StateRow<C>>();
  const actions = machine.implementations.actions as Record<string, unknown>;
  for (const [key, child] of Object.entries(machine.root.states)) {
    const node = child as unknown as NodeLike;
    assert(node.exit.length === 0 && node.invoke.length === 0, `${key} holds exit or invoke`);
    assert(node.entry.length <= 1, `${key} holds more than one duty`);
    const edges = new Map<string, Edge<C>>();
    for (const [event, list] of node.transitions) edges.set(event, compileEdge(actions, key, list));
    const duty = node.entry[0];
    states.set(key, {
      duty: duty === undefined ? undefined : nameOf(duty),
      isFinal: node.type === 'final',
      edges,
    });
  }
  const initial = machine.config.initial as string;
  assert(states.has(initial), 'the chart names its first state');
  return { initial: { value: initial, context: machine.config.context as C }, states };
}

function compileEdge<C>(
  actions: Record<string, unknown>,
  from: string,
  list: readonly TransitionLike[],
): Edge<C> {
  const only = list[0];
  assert(list.length === 1 && only !== undefined, `${from} has an edge with alternatives`);
  assert(only.guard === undefined, `${from} has a guarded edge`);
  const assigns: Assign<C>[] = [];
  const oneShots: string[] = [];
  for (const action of only.actions) {
    const name = nameOf(action);
    const found = actions[name] as { type?: string; assignment?: Assign<C> } | undefined;
    if (found?.type === 'xstate.assign' && typeof found.assignment === 'function') {
      assigns.push(found.assignment);
    } else {
      oneShots.push(name);
    }
  }
  return { to: only.target?.[0]?.key, assigns, oneShots };
}

function nameOf(action: ActionLike): string {
  if (typeof action === 'string') return action;
  const name = (action as { type?: unknown }).type;
  assert(typeof name === 'string', 'a chart holds names only');
  return name;
}

export function isLawful<C>(table: ChartTable<C>, state: ChartState<C>, type: string): boolean {
  return table.states.get(state.value)?.edges.has(type) ?? false;
}

/** The next state. An event that the state does not know is a broken log or a broken chart, never a shrug. */
export function evolve<C>(
  table: ChartTable<C>,
  state: ChartState<C>,
  event: AnyEvent,
): ChartState<C> {
  const edge = table.states.get(state.value)?.edges.get(event.type);
  if (edge === undefined) throw unlawful(state.value, event.type);
  let context = state.context;
  for (const assign of edge.assigns) context = { ...context, ...assign({ context, event }) };
  return { value: edge.to ?? state.value, context };
}

/** A state that nobody else holds. */
export interface OwnState<C> {
  value: string;
  readonly context: C;
}

export function ownState<C>({ value, context }: ChartState<C>): OwnState<C> {
  return { value, context: { ...context } };
}

/**
 * Evolves a state in its place, for a replay of a million: copying the context for each event took longer than all the
 * rest of a fold. `decode` is called only when the event is read, since most say only that a state was left; what it
 * throws is thrown.
 */
export function evolveInPlace<C, R extends { readonly type: string }>(
  table: ChartTable<C>,
  state: OwnState<C>,
  row: R,
  decode: (row: R) => AnyEvent,
): void {
  const edge = table.states.get(state.value)?.edges.get(row.type);
  if (edge === undefined) {
    // A word that nobody knows is a better reason than an edge that is not there.
    decode(row);
    throw unlawful(state.value, row.type);
  }
  if (edge.assigns.length > 0) {
    const { context } = state;
    const event = decode(row);
    for (const assign of edge.assigns) Object.assign(context as object, assign({ context, event }));
  }
  if (edge.to !== undefined) state.value = edge.to;
}

function unlawful(state: string, event: string): HoldfastError {
  return new HoldfastError('INTERNAL', `${event} is not lawful in state ${state}`, {
    details: { state, event },
  });
}

export function oneShotsOf<C>(
  table: ChartTable<C>,
  value: string,
  type: string,
): readonly string[] {
  return table.states.get(value)?.edges.get(type)?.oneShots ?? [];
}

/** True when the event leads to a state anew, so that its duty starts (again). */
export function entersState<C>(table: ChartTable<C>, value: string, type: string): boolean {
  return table.states.get(value)?.edges.get(type)?.to !== undefined;
}

export function dutyOf<C>(table: ChartTable<C>, value: string): string | undefined {
  return table.states.get(value)?.duty;
}

export function isFinal<C>(table: ChartTable<C>, value: string): boolean {
  return table.states.get(value)?.isFinal ?? false;
}

export function edgesOf<C>(table: ChartTable<C>): readonly EdgeName[] {
  return [...table.states].flatMap(([from, row]) =>
    [...row.edges].map(([event, edge]) => ({ from, event, to: edge.to ?? from })),
  );
}
