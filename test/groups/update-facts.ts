/** What must be so of a group after an update of it. Each throws what is wrong. */
import type { PublicEvent, TaskView } from '../../src/api.ts';
import { isRunning } from '../acceptance/rig.ts';
import type { GroupChange } from './group-changes.ts';

/** By the names of the tasks. */
export type Views = ReadonlyMap<string, TaskView>;

interface Facts {
  readonly before: Views;
  readonly after: Views;
  /** Since the update was asked for. */
  readonly events: readonly PublicEvent[];
}

export function assertFates({ fates, beginsAnew }: GroupChange, facts: Facts): void {
  const { before, after, events } = facts;
  const times = (type: string, name: string | null): number =>
    namesOf(events, type).filter((one) => one === name).length;
  const must = (isSo: boolean, what: string): void => {
    if (!isSo) throw new Error(what);
  };
  must(times('AllocUpdated', null) === 1, 'the update was recorded more than once');
  must(times('AllocStopping', null) === 0, 'the alloc was ended');
  must(times('AllocRestarting', null) === (beginsAnew ? 1 : 0), 'the alloc was begun anew or not');
  for (const name of new Set(namesOf(events, 'TaskUpdated'))) {
    const told = times('TaskUpdated', name);
    must(told === 1, `${name} was updated ${told} times`);
  }
  for (const [name, fate] of fates) {
    const [was, is] = [before.get(name)?.pid ?? 0, after.get(name)?.pid ?? 0];
    const [killed, exited] = [times('TaskKilling', name), times('TaskExited', name)];
    const started = times('TaskStarted', name);
    if (fate === 'removed') must(!isRunning(was), `${name} was removed and runs`);
    if (fate === 'kept') must(was === is, `${name} is another program than before`);
    const ends = fate === 'restarted' || fate === 'removed' ? 1 : 0;
    const begins = fate === 'restarted' || fate === 'added' ? 1 : 0;
    // What has not begun when the alloc begins anew is told so too.
    const told = fate === 'added' && beginsAnew ? killed : ends;
    must(killed === told && killed <= 1, `${name} (${fate}) was told to end ${killed} times`);
    must(exited === ends, `${name} (${fate}) ended ${exited} times`);
    must(started === begins, `${name} (${fate}) was started ${started} times`);
  }
}

/** The other one began when all of this one was over, its last tasks included. */
export function assertReplaced(old: string, events: readonly PublicEvent[]): void {
  const over = events.find(({ type, allocId }) => type === 'AllocStopped' && allocId === old);
  const replaced = events.filter(({ type }) => type === 'AllocReplaced');
  if (replaced.length !== 1) throw new Error(`it was replaced ${replaced.length} times`);
  const began = events.filter(({ type, allocId }) => type === 'TaskStarted' && allocId !== old);
  const early = began.find(({ position }) => position < (over?.position ?? Infinity));
  if (early !== undefined) throw new Error(`${early.task} began before the other one was over`);
  const names = began.map(({ task }) => task);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new Error(`${twice} was started twice`);
  const last = events.filter(({ type, allocId }) => type === 'TaskStarted' && allocId === old);
  const said = last.map(({ task }) => task).join();
  if (said !== 'bye1,bye2' && said !== 'bye2,bye1') throw new Error(`its end started ${said}`);
}

/** Whoever ran and is not what runs now does not run. */
export function assertDead(before: Views, after: Views): void {
  const living = new Set([...after.values()].map(({ pid }) => pid));
  for (const { task, pid } of before.values()) {
    if (pid === null || living.has(pid) || !isRunning(pid)) continue;
    throw new Error(`${task} was removed and runs`);
  }
}

export function namesOf(events: readonly PublicEvent[], type: string): readonly (string | null)[] {
  return events.filter((event) => event.type === type).map(({ task }) => task);
}
