/** Updates of a live alloc: what they would do, and how one is made. */
import type { Roster } from '../actors/roster.ts';
import { savedSpecOf } from '../actors/saved-spec.ts';
import { HoldfastError } from '../errors.ts';
import type { GroupPlan } from '../api/group-plan.ts';
import type { AllocState } from '../machines/alloc-machine.ts';
import { isUpdatable } from '../machines/alloc-update-decider.ts';
import { versionOf } from '../machines/alloc-update.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import { planUpdate, type TaskPlan } from '../spec/plan.ts';
import type { CommandDoors } from './commands.ts';

/** The plan for a group of which no alloc lives. */
export function newPlan(spec: AllocSpec): GroupPlan {
  const add = ({ name }: { readonly name: string }): TaskPlan => ({
    task: name,
    action: 'add',
    changes: [],
  });
  const none = { beginsAnew: false, changes: [], tasks: spec.tasks.map(add) };
  return { alloc: spec.name, allocId: null, version: 0, action: 'create', ...none };
}

/** One whose end has begun can only be taken over from. */
export function planAgainst(allocId: string, state: AllocState, spec: AllocSpec): GroupPlan {
  const { context, value } = state;
  const former = (context.removedTasks ?? []).map(({ name }) => name);
  const before = context.spec as AllocSpec;
  const plan = planUpdate(before, spec, former);
  const named = { alloc: spec.name, allocId, version: versionOf(context), ...plan };
  const isReplaced = plan.action !== 'none' && !isUpdatable(value);
  return isReplaced ? { ...named, action: 'replace', beginsAnew: false } : named;
}

/** Throws VERSION_CONFLICT for an alloc that is another one than whoever asks has seen. */
export function assertVersion(wanted: number | undefined, version: number, name: string): void {
  if (wanted === undefined || wanted === version) return;
  const what = version === 0 ? 'there is none' : `it is at version ${version}`;
  const text = `alloc ${name} is not at version ${wanted}, ${what}: look at the plan again`;
  throw new HoldfastError('VERSION_CONFLICT', text, { details: { version } });
}

/** Throws AMBIGUOUS when several live allocs, made with ids of their own, have that name. */
export function theLiveOne(roster: Roster, name: string): string | undefined {
  const live = roster.liveOfName(name);
  if (live.length > 1) {
    const text = `${live.length} live allocs are named "${name}" (${live.join(', ')}): nobody can tell which of them is meant`;
    throw new HoldfastError('AMBIGUOUS', text, { details: { ref: name, matches: live } });
  }
  return live[0] ?? roster.liveByName(name);
}

/** One that a scheduler named with an id of its own. Throws ALREADY_EXISTS unless it is live and bears that name. */
export function assertNamed(roster: Roster, allocId: string, name: string): void {
  const { state } = roster.folded(allocId) ?? {};
  if (state?.context.name === name && roster.standingOf(allocId) === 'live') return;
  throw usedAlready(allocId);
}

export function usedAlready(allocId: string): HoldfastError {
  const text = `the allocId ${allocId} was used already and cannot be used again`;
  return new HoldfastError('ALREADY_EXISTS', text, { details: { allocId } });
}

/** Whoever names allocs names the one that takes over too: nothing is made here on its behalf. */
export function notInPlace({ allocId, changes, tasks }: GroupPlan, state: string): HoldfastError {
  if (!isUpdatable(state)) {
    const text = `alloc ${allocId} is ${state}: it can be updated only before its end begins`;
    return new HoldfastError('WRONG_STATE', text, { details: { state } });
  }
  const isWhy = ({ action }: { readonly action: string }): boolean => action === 'replace';
  const fields = [
    ...changes.filter(isWhy).map(({ field }) => field),
    ...tasks.flatMap((one) =>
      one.changes.filter(isWhy).map(({ field }) => `${field} of task ${one.task}`),
    ),
  ];
  const text = `alloc ${allocId} cannot become that, because of ${fields.join(', ')}: stop it, and run the group with another allocId`;
  return new HoldfastError('WRONG_STATE', text, { details: { state, fields } });
}

interface Wish {
  readonly allocId: string;
  readonly spec: AllocSpec;
  readonly specHash: string;
}

/**
 * Records the update; what follows of it is the alloc's own work. Then its spec file is brought to the same: an agent
 * that dies in between finds that it is older than the log. Undefined when the alloc is not what the plan was made for.
 */
export async function updateAlloc(
  { agent, roster }: CommandDoors,
  { version, beginsAnew, tasks }: GroupPlan,
  { allocId, spec, specHash }: Wish,
): Promise<string | undefined> {
  const runner = roster.runner(allocId);
  if (runner === undefined) {
    const { state } = roster.view(allocId);
    throw new HoldfastError('WRONG_STATE', `alloc ${allocId} is ${state}`, { details: { state } });
  }
  const changes = tasks.flatMap(({ task, action }) =>
    action === 'none' || action === 'replace' ? [] : [{ task, action }],
  );
  const wish = { spec, specHash, from: version, changes, beginsAnew };
  try {
    await runner.tell({ type: 'UpdateAlloc', ...wish });
  } catch (error) {
    if (HoldfastError.is(error, 'VERSION_CONFLICT')) return undefined;
    if (HoldfastError.is(error, 'WRONG_STATE') && roster.folded(allocId) !== undefined) {
      return undefined;
    }
    throw error;
  }
  // crash point: agent.update.recorded
  const folded = roster.folded(allocId);
  const saved = folded && savedSpecOf(allocId, folded.state.context);
  // It may be over already, and its file is on its way out.
  if (saved !== undefined && roster.standingOf(allocId) === 'live') await agent.specs.update(saved);
  // crash point: agent.update.saved
  return allocId;
}
