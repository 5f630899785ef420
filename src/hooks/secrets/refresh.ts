/** While a program runs: fetches secrets again, and has the program told of those that are others by now. */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../errors.ts';
import type { SecretSpec } from '../../spec/secret-spec.ts';
import type { Change, ChangeActs } from '../changes/change-acts.ts';
import { Seen } from '../changes/seen.ts';
import { Sparing } from '../changes/sparing.ts';
import type { GivenSecret, HookDoors, HookRequest } from '../hook.ts';

export interface RefreshDoors {
  readonly fetch: (one: SecretSpec) => Promise<GivenSecret>;
  readonly place: (one: SecretSpec, value: string) => Promise<void>;
  readonly acts: ChangeActs;
}

export type RefreshedSecret = SecretSpec & { readonly refresh: NonNullable<SecretSpec['refresh']> };

export function isRefreshed(one: SecretSpec): one is RefreshedSecret {
  return one.refresh !== undefined;
}

export class Refresh {
  readonly #request: HookRequest;
  readonly #doors: HookDoors;
  readonly #own: RefreshDoors;
  readonly #seen: Seen;
  /** By name, what was renewed last. */
  readonly #renewed = new Map<string, string>();
  readonly #words: Sparing;

  constructor(request: HookRequest, doors: HookDoors, own: RefreshDoors) {
    this.#request = request;
    this.#doors = doors;
    this.#own = own;
    this.#seen = new Seen(request.previous, doors);
    this.#words = new Sparing(doors.message);
  }

  /** Until the signal of the doors aborts, with which it rejects. */
  async goOn(): Promise<void> {
    const all = (this.#request.task.secrets ?? []).filter(isRefreshed);
    const spans = new Set(all.map(({ refresh }) => refresh.everyMs));
    const loops = [...spans].map(async (everyMs) => {
      const together = all.filter(({ refresh }) => refresh.everyMs === everyMs);
      for (;;) {
        await delay(everyMs, undefined, { signal: this.#doors.signal, ref: false });
        await this.#fetchAgain(together);
      }
    });
    await Promise.all(loops);
  }

  /** Those that are others than what the program has been told of are put in place, and it is told. */
  async take(fetched: ReadonlyMap<RefreshedSecret, string>): Promise<void> {
    const news = [...fetched].filter(([{ name }, value]) => {
      const hash = this.#doors.hashOf(name, value);
      return hash !== (this.#renewed.get(name) ?? this.#seen.hashOf(name));
    });
    if (news.length === 0) return;
    await this.#seen.doubt(news.map(([{ name }]) => name));
    // crash point: agent.secrets.doubted
    for (const [secret, value] of news) await this.#own.place(secret, value);
    // crash point: agent.secrets.renewed
    await this.#doors.renew(news.map(([secret, value]) => givenSecret(secret, value)));
    // Not before: what went wrong on the way is done again.
    for (const [{ name }, value] of news) {
      this.#renewed.set(name, this.#doors.hashOf(name, value));
    }
    this.#tell(news.map(([secret]) => secret));
  }

  async #fetchAgain(together: readonly RefreshedSecret[]): Promise<void> {
    const fetched = new Map<RefreshedSecret, string>();
    const work = together.map(async (one) => {
      try {
        fetched.set(one, (await this.#own.fetch(one)).value);
        this.#words.isWell(one.name);
      } catch (error) {
        this.#doors.signal.throwIfAborted();
        this.#words.say(one.name, `${messageOf(error)}: the program keeps what it has`);
      }
    });
    await Promise.all(work);
    await this.take(fetched).catch((error: unknown) => {
      this.#doors.signal.throwIfAborted();
      this.#words.say('', `a secret that has changed is not put in place: ${messageOf(error)}`);
    });
  }

  #tell(changed: readonly RefreshedSecret[]): void {
    const acted = changed.filter(({ refresh }) => refresh.change.mode !== 'noop');
    const changes = acted.map(({ name, refresh }): Change => {
      const text = `secret "${name}" has changed`;
      return { rule: refresh.change, reasons: { restart: text, signal: text } };
    });
    const hashes = new Map(acted.map(({ name }) => [name, this.#renewed.get(name) ?? '']));
    this.#own.acts.act(this.#request, this.#doors, changes, async () => {
      const still = [...hashes].filter(([name, hash]) => this.#renewed.get(name) === hash);
      await this.#seen.settle(Object.fromEntries(still));
    });
  }
}

export function givenSecret({ name, env }: SecretSpec, value: string): GivenSecret {
  return { name, value, ...(env !== undefined && { env }) };
}
