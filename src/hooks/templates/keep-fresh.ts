/**
 * While a program runs: fills its templates in again when what they ask for changes, puts what has become of them in
 * place, and has the program told.
 */
import { messageOf } from '../../errors.ts';
import { DEFAULT_CHANGE } from '../../spec/change-spec.ts';
import { DEFAULT_WAIT, type TemplateSpec, type WaitRule } from '../../spec/template-spec.ts';
import type { Change, ChangeActs } from '../changes/change-acts.ts';
import { Seen } from '../changes/seen.ts';
import { Sparing } from '../changes/sparing.ts';
import type { HookDoors, HookRequest } from '../hook.ts';
import { envLines } from './env-lines.ts';
import { Gathering } from './gathering.ts';
import type { Input } from './inputs.ts';
import { inWords, type TaskTemplates } from './task-templates.ts';
import { watchInputs } from './watch-inputs.ts';

/** Nomad's words. */
const REASONS = {
  restart: 'Template with change_mode restart re-rendered',
  signal: 'Template re-rendered',
};

type Used = Map<Input, WaitRule>;

/** Who could not be asked is asked again, also when he tells of no change. */
const TRY_AGAIN_MS = 10_000;

/** Rejects with the abort of the doors. */
export async function keepFresh(
  own: TaskTemplates,
  request: HookRequest,
  doors: HookDoors,
  acts: ChangeActs,
): Promise<never> {
  const rounds = new Rounds(own, request, doors, acts);
  doors.onRenewal(() => rounds.next(true).then(() => undefined));
  let watched: ReadonlySet<Input> = new Set();
  for (;;) {
    const changes = new Gathering();
    const end = await watchInputs(own.inputs, watched, (...heard) => changes.hear(...heard));
    try {
      // Read after it is watched: nothing comes unheard.
      const { used, hasFailed } = await rounds.next(false);
      const inputs = new Set(used.keys());
      if (![...inputs].every((input) => watched.has(input))) {
        watched = new Set([...watched, ...inputs]);
        continue;
      }
      const mostMs = hasFailed ? TRY_AGAIN_MS : Infinity;
      await changes.settled((input) => used.get(input) ?? DEFAULT_WAIT, doors.signal, mostMs);
      // What a template asks for is known only when it could be filled in.
      if (!hasFailed) watched = inputs;
    } finally {
      end();
    }
  }
}

interface Round {
  readonly used: Used;
  readonly hasFailed: boolean;
}

class Rounds {
  readonly #own: TaskTemplates;
  readonly #request: HookRequest;
  readonly #doors: HookDoors;
  readonly #acts: ChangeActs;
  readonly #seen: Seen;
  /** By destination, what is in place by now. */
  readonly #placed = new Map<string, string>();
  readonly #words: Sparing;
  readonly #isRenewable: boolean;
  #last: Promise<unknown> = Promise.resolve();

  constructor(own: TaskTemplates, request: HookRequest, doors: HookDoors, acts: ChangeActs) {
    this.#own = own;
    this.#request = request;
    this.#doors = doors;
    this.#acts = acts;
    this.#seen = new Seen(request.previous, doors);
    this.#words = new Sparing(doors.message);
    this.#isRenewable = (request.task.secrets ?? []).some(({ refresh }) => refresh !== undefined);
  }

  /** One after the other. `isForAll`: also those that ask for nothing which is watched. */
  next(isForAll: boolean): Promise<Round> {
    const round = this.#last.then(() => this.#round(isForAll));
    this.#last = round.catch(() => undefined);
    return round;
  }

  async #round(isForAll: boolean): Promise<Round> {
    const used: Used = new Map();
    let hasFailed = false;
    const changed: TemplateSpec[] = [];
    const read = this.#own.inputs.readingOnce();
    for (const template of this.#own.all) {
      if (template.once === true) continue;
      try {
        const { content, missing, inputs } = await this.#own.render(template, read);
        noteUse(used, inputs, template.wait);
        // What nobody watches is as it was at the start, whatever another agent would make of it.
        if (!isForAll && !this.#isRenewable && inputs.size === 0) continue;
        if (content === undefined) this.#keeps(template, `there is no ${inWords(missing)}`);
        else if (await this.#take(template, content)) changed.push(template);
      } catch (error) {
        this.#doors.signal.throwIfAborted();
        hasFailed = true;
        this.#keeps(template, messageOf(error));
      }
    }
    this.#doors.signal.throwIfAborted();
    if (changed.length > 0) this.#tell(changed);
    return { used, hasFailed };
  }

  /** True when it is another one than before, and in place. */
  async #take(template: TemplateSpec, content: string): Promise<boolean> {
    const { destination, env } = template;
    const hash = this.#own.hashOf(template, content);
    const before = this.#placed.get(destination) ?? this.#seen.hashOf(destination);
    this.#words.isWell(destination);
    if (hash === before) return false;
    // What no program could be started with shall not end the one that runs.
    if (env) await this.#own.named(template, () => envLines(content));
    await this.#seen.doubt([destination]);
    // crash point: agent.template.doubted
    await this.#own.place(template, content);
    // crash point: agent.template.placed
    this.#placed.set(destination, hash);
    return true;
  }

  #tell(changed: readonly TemplateSpec[]): void {
    const acted = changed.filter(({ change = DEFAULT_CHANGE }) => change.mode !== 'noop');
    const changes: Change[] = acted.map(({ change = DEFAULT_CHANGE }) => ({
      rule: change,
      reasons: REASONS,
    }));
    const hashes = new Map(acted.map(({ destination: at }) => [at, this.#placed.get(at) ?? '']));
    this.#acts.act(this.#request, this.#doors, changes, async () => {
      const still = [...hashes].filter(([at, hash]) => this.#placed.get(at) === hash);
      await this.#seen.settle(Object.fromEntries(still));
    });
  }

  #keeps(template: TemplateSpec, why: string): void {
    const text = `${this.#own.nameOf(template)} stays as it is: ${why}`;
    this.#words.say(template.destination, text);
  }
}

/** The longest wait of all who use it. */
function noteUse(used: Used, inputs: ReadonlySet<Input>, wait = DEFAULT_WAIT): void {
  for (const input of inputs) {
    const { minMs, maxMs } = used.get(input) ?? wait;
    used.set(input, {
      minMs: Math.max(minMs, wait.minMs),
      maxMs: Math.max(maxMs, wait.maxMs),
    });
  }
}
