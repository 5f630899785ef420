/** What the words mean by which people name allocs and tasks. */
import { HoldfastError } from '../errors.ts';
import { isAllocLive } from '../machines/alloc-facts.ts';
import type { AllocContext } from '../machines/alloc-machine.ts';
import type { Folded } from './event-sourced.ts';

export interface Place {
  readonly allocId: string;
  readonly task: string | undefined;
}

type Allocs = ReadonlyMap<string, Folded<AllocContext>>;

/** Ids of live allocs of a name, without those from which others take over. */
export function liveOfName(name: string, allocs: Allocs): readonly string[] {
  const live = [...allocs].filter(
    ([, { state }]) => state.context.name === name && isAllocLive(state.value),
  );
  const going = new Set(live.map(([, { state }]) => state.context.predecessor));
  return live.flatMap(([allocId]) => (going.has(allocId) ? [] : [allocId]));
}

type LiveByName = (name: string) => string | undefined;

/**
 * `ALLOC` or `ALLOC/TASK`, where ALLOC is an id, a name (the live alloc of it, else the newest) or a unique prefix of
 * one of them. `allocs` are in the order of their acceptance. Errors: NOT_FOUND, AMBIGUOUS with `details.matches`.
 */
export function resolveRef(ref: string, allocs: Allocs, liveByName: LiveByName): Place {
  const slash = ref.indexOf('/');
  const word = slash < 0 ? ref : ref.slice(0, slash);
  const allocId = find(word, allocs, liveByName);
  if (slash < 0) return { allocId, task: undefined };
  const task = ref.slice(slash + 1);
  const { spec, removedTasks = [] } = allocs.get(allocId)?.state.context ?? {};
  // Of a task that an update removed there is output yet.
  const names = [...(spec?.tasks ?? []), ...removedTasks].map((one) => one.name);
  if (names.includes(task)) return { allocId, task };
  const text = `alloc ${word} has no task "${task}" (it has ${names.join(', ')})`;
  throw new HoldfastError('NOT_FOUND', text, { details: { ref, tasks: names } });
}

function find(word: string, allocs: Allocs, liveByName: LiveByName): string {
  if (allocs.has(word)) return word;
  const named = [...allocs].filter(([, { state }]) => state.context.name === word);
  const newest = liveByName(word) ?? named.at(-1)?.[0];
  if (newest !== undefined) return newest;
  const matches = word === '' ? [] : startingWith(word, allocs, liveByName);
  if (matches.length === 1) return matches[0] as string;
  if (matches.length === 0) throw new HoldfastError('NOT_FOUND', `there is no alloc "${word}"`);
  const names = matches.map((id) => `${allocs.get(id)?.state.context.name ?? null} (${id})`);
  const text = `"${word}" could be ${names.join(', ')}`;
  throw new HoldfastError('AMBIGUOUS', text, { details: { ref: word, matches } });
}

/** A prefix of a name means the name's one alloc that an exact name would mean. */
function startingWith(word: string, allocs: Allocs, liveByName: LiveByName): readonly string[] {
  const names = new Set<string>();
  const found: string[] = [];
  for (const [allocId, { state }] of allocs) {
    const { name } = state.context;
    if (name.startsWith(word)) names.add(name);
    else if (allocId.startsWith(word)) found.push(allocId);
  }
  return [...found, ...[...names].map((name) => find(name, allocs, liveByName))];
}
