/** A group that is updated again and again under agents that are killed: what runs is what it says, and nothing else. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator, PublicEvent } from '../../src/api.ts';
import { HoldfastError, messageOf } from '../../src/errors.ts';
import { eventsSoFar, type Machine, until } from '../acceptance/rig.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import type { Patch } from '../patch.ts';
import {
  changed,
  type ChangeKind,
  FIRST_GROUP,
  type GroupState,
  isLasting,
} from './group-changes.ts';
import { NEVER_SAFE, withPatient } from './patient.ts';
import { assertDead, assertFates, assertReplaced, namesOf, type Views } from './update-facts.ts';

const NAME = 'shop';
const MIXTURES: readonly (readonly ChangeKind[])[] = [
  ['restart', 'remove', 'add', 'in place'],
  ['anew', 'remove', 'add'],
  ['replace', 'restart', 'add'],
  ['in place', 'in place', 'in place'],
  ['restart', 'restart', 'in place'],
  ['remove', 'add'],
  ['add', 'add', 'restart', 'restart', 'restart'],
];
const CONTROL_MIXTURE: readonly ChangeKind[] = ['restart', 'remove', 'add', 'in place'];

/** Whoever hears of it twice is updated twice. */
const HEARS_TWICE: readonly Patch[] = [
  {
    file: 'src/machines/task-update-decider.ts',
    find: 'plan === undefined || version <= specVersion',
    replace: 'plan === undefined || version < specVersion',
  },
];
const RESTARTS_ALL: readonly Patch[] = [
  {
    file: 'src/machines/task-update-decider.ts',
    find: 'const isRestarted = restartVersion > specVersion;',
    replace: 'const isRestarted = version > specVersion || restartVersion > specVersion;',
  },
];
const LETS_THEM_RUN: readonly Patch[] = [
  {
    file: 'src/actors/alloc-update.ts',
    find: 'removeTasks(tasks, context.removedTasks ?? [], signal),',
    replace: 'removeTasks(tasks, (context.removedTasks ?? []).slice(999), signal),',
  },
];

export const updates: Drill = {
  name: 'updates',
  promise: 'a group that is updated becomes what it is to be, once, and nothing else is touched',
  tools: [],
  privileges: [],
  mutants: [[NEVER_SAFE], HEARS_TWICE, RESTARTS_ALL, LETS_THEM_RUN],
  cases: { share: 4, full: 84 },
  async run(findings, cases) {
    await findings.attempt('updates', () =>
      withPatient(async (machine) => {
        const shop = await Shop.open(machine, findings);
        for (let serial = 1; serial <= cases; serial += 1) {
          const kinds = MIXTURES[(serial - 1) % MIXTURES.length] ?? [];
          await shop.update(kinds, serial, findings.between(0, 3));
          findings.count('updates');
        }
        await shop.close();
      }),
    );
    for (const [name, patches, word] of [
      ['tasks that hear of it twice', HEARS_TWICE, /was updated 2 times/],
      ['an update that restarts whatever it touches', RESTARTS_ALL, /is another program/],
      ['tasks that are removed and run on', LETS_THEM_RUN, /was removed and runs/],
    ] as const) {
      const work = async (machine: Machine): Promise<void> => {
        const shop = await Shop.open(machine);
        await shop.update(CONTROL_MIXTURE, 1, 1);
      };
      const text = await withPatient(work, patches).then(() => 'nothing was noticed', messageOf);
      findings.control(name, word.test(text), text);
    }
  },
};

/** One group and its updates. Everything that it does throws what is wrong. */
class Shop {
  readonly #machine: Machine;
  readonly #findings: Findings | undefined;
  #agent: Orchestrator;
  #state: GroupState = FIRST_GROUP;
  #allocId = '';

  static async open(machine: Machine, findings?: Findings): Promise<Shop> {
    const shop = new Shop(machine, findings, await machine.startAgent());
    shop.#allocId = await shop.#run();
    await shop.#whenUp();
    return shop;
  }

  private constructor(machine: Machine, findings: Findings | undefined, agent: Orchestrator) {
    this.#machine = machine;
    this.#findings = findings;
    this.#agent = agent;
  }

  /** Updates it, kills so many agents meanwhile, and looks at what became of it. */
  async update(kinds: readonly ChangeKind[], serial: number, kills: number): Promise<void> {
    const before = await this.#views();
    const { head } = await this.#agent.agent();
    const pick = <T>(among: readonly T[]): T => this.#findings?.pick(among) ?? (among[0] as T);
    const change = changed(this.#state, { kinds, serial, pick });
    const old = this.#allocId;
    this.#state = change.after;
    const answered = this.#run();
    for (let kill = 0; kill < kills; kill += 1) {
      if (this.#findings === undefined) await answered;
      await delay(this.#findings?.between(0, 700) ?? 0);
      await this.#machine.killAgent();
      this.#agent = await this.#machine.startAgent();
      this.#findings?.count('agents that were killed');
    }
    this.#allocId = await answered;
    const what = `update ${serial} (${kinds.join(', ')})`;
    const after = await this.#whenUp(what);
    const events = (await eventsSoFar(this.#agent, {})).filter(({ position }) => position > head);
    try {
      if (change.isReplaced) assertReplaced(old, events);
      else assertFates(change, { before, after, events });
      assertDead(before, after);
      const { action } = await this.#agent.plan(this.#group());
      if (action !== 'none') throw new Error(`it is not what it was to be: ${action}`);
    } catch (error) {
      throw new Error(`${what}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Everything of it ends, also what an update brought. */
  async close(): Promise<void> {
    const before = await this.#views();
    await this.#agent.stop(NAME);
    assertDead(before, new Map());
  }

  #group() {
    return { name: NAME, type: this.#state.type, tasks: [...this.#state.tasks] };
  }

  /** Asks the next agent when one dies with the question. */
  async #run(): Promise<string> {
    return until('it is accepted', async () => {
      try {
        return (await this.#agent.run(this.#group())).allocId;
      } catch (error) {
        if (HoldfastError.is(error) && error.retryable) return undefined;
        throw error;
      }
    });
  }

  async #views(): Promise<Views> {
    const { tasks } = await this.#agent.inspect(this.#allocId);
    return new Map(tasks.map((view) => [view.task, view]));
  }

  async #whenUp(what = 'the group'): Promise<Views> {
    const { tasks } = this.#state;
    const wanted = tasks.map((task) => {
      const { name, lifecycle } = task;
      const over = lifecycle?.hook === 'poststop' ? 'pending' : 'complete';
      return [name, isLasting(task) ? 'running' : over] as const;
    });
    return until(`${what} is up`, async () => {
      const views = await this.#views();
      const isSo = wanted.every(([name, state]) => views.get(name)?.state === state);
      return isSo && (await this.#isSettled(views)) && views;
    });
  }

  /** Nothing is in the middle of an update: its hooks and removals are recorded too. */
  async #isSettled(views: Views): Promise<boolean> {
    const events = await eventsSoFar(this.#agent, { ref: this.#allocId });
    const ended = new Set(namesOf(events, 'CleanupCompleted'));
    const begun = new Set(namesOf(events, 'TaskStarted'));
    const env = (name: string): string =>
      this.#state.tasks.find((task) => task.name === name)?.env?.['N'] ?? '';
    const isNew = this.#state.tasks.every(({ name }) => {
      const pid = views.get(name)?.pid ?? null;
      return pid === null || numberIn(pid) === env(name);
    });
    const isOnly = views.size === this.#state.tasks.length;
    const removed = [...begun].filter((name) => !views.has(name ?? ''));
    const isWaitedFor = isOnly && removed.every((name) => ended.has(name));
    return isNew && isHeard(events) && (isWaitedFor || hasNew(events));
  }
}

/** By every task that the newest update touched. */
function isHeard(events: readonly PublicEvent[]): boolean {
  const updated = events.findLast(({ type }) => type === 'AllocUpdated');
  if (updated === undefined) return true;
  const { changes } = updated.data as {
    readonly changes: readonly { readonly task: string; readonly action: string }[];
  };
  const since = events.filter(({ position }) => position > updated.position);
  const told = new Set(namesOf(since, 'TaskUpdated'));
  return changes.every(({ task, action }) => {
    return action === 'add' || action === 'remove' || told.has(task);
  });
}

/** Something began after the newest update, which it does when all that was removed is over. */
function hasNew(events: readonly PublicEvent[]): boolean {
  const at = events.findLast(({ type }) => type === 'AllocUpdated')?.position ?? 0;
  return events.some(({ type, position }) => type === 'GateOpened' && position > at);
}

/** Which update started it, empty for those that none did. */
function numberIn(pid: number): string | undefined {
  try {
    const environ = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    return environ.find((word) => word.startsWith('N='))?.slice(2) ?? '';
  } catch {
    return undefined;
  }
}
