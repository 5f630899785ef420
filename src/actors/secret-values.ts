/**
 * The values of the secrets that hooks fetched for tasks, by the task's stream and the hook: in memory and nowhere
 * else. What may be recorded of one is its name, its variable and a keyed hash, which tells whether it is another one
 * than before and lets nobody try out which one it is.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { EnvEntry } from '../events/task-event.ts';
import type { GivenSecret } from '../hooks/hook.ts';
import { createOnce } from '../os/atomic-file.ts';
import { readPlainFile } from '../os/plain-file.ts';

/** By stream, then by hook. */
type ByTask = Map<string, Map<string, readonly GivenSecret[]>>;

export class SecretValues {
  readonly #readKey: () => string;
  #key: string | undefined;
  readonly #values: ByTask = new Map();
  /** Instead of those values, but for the program that was started with them. */
  readonly #renewed: ByTask = new Map();
  readonly #followers = new Map<string, Set<() => Promise<void>>>();

  /** `readKey` is called when there is a first secret to hash. */
  constructor(readKey: () => string) {
    this.#readKey = readKey;
  }

  /** Instead of what the hook gave before. What may be recorded of those that are variables. */
  keep(stream: string, hook: string, secrets: readonly GivenSecret[]): readonly EnvEntry[] {
    put(this.#values, stream, hook, secrets);
    return secrets.flatMap((secret) =>
      secret.env === undefined
        ? []
        : [{ name: secret.env, secret: secret.name, hash: this.hashOf(secret.name, secret.value) }],
    );
  }

  /** A program is about to be started with what is kept. */
  dropRenewed(stream: string, hook: string): void {
    this.#renewed.get(stream)?.delete(hook);
  }

  /** What is given by name from now on, beside the hook's others. Resolves when followers have seen to it. */
  async renew(stream: string, hook: string, secrets: readonly GivenSecret[]): Promise<void> {
    const names = new Set(secrets.map(({ name }) => name));
    const others = ofHook(this.#renewed, stream, hook).filter(({ name }) => !names.has(name));
    put(this.#renewed, stream, hook, [...others, ...secrets]);
    await Promise.allSettled([...(this.#followers.get(stream) ?? [])].map((follow) => follow()));
  }

  /** Until the signal aborts. */
  follow(stream: string, follower: () => Promise<void>, signal: AbortSignal): void {
    if (signal.aborted) return;
    const all = this.#followers.get(stream) ?? new Set<() => Promise<void>>();
    this.#followers.set(stream, all.add(follower));
    const leave = (): void => {
      all.delete(follower);
      if (all.size === 0 && this.#followers.get(stream) === all) this.#followers.delete(stream);
    };
    signal.addEventListener('abort', leave, { once: true });
  }

  /** Of a variable as it was recorded; undefined when this agent has no such value, or another one. */
  valueOf(stream: string, hook: string, { secret, hash }: EnvEntry): string | undefined {
    const found = ofHook(this.#values, stream, hook).find(({ name }) => name === secret);
    return found !== undefined && this.hashOf(found.name, found.value) === hash
      ? found.value
      : undefined;
  }

  /** Of such a variable at a next start: what it was renewed to, if it was. */
  newestOf(stream: string, hook: string, entry: EnvEntry): string | undefined {
    const renewed = ofHook(this.#renewed, stream, hook).find(({ name }) => name === entry.secret);
    return renewed?.value ?? this.valueOf(stream, hook, entry);
  }

  /** By name, among what these hooks gave; the last one that gave it wins. */
  find(stream: string, hooks: readonly string[], name: string): string | undefined {
    const all = hooks.flatMap((hook) => [
      ...ofHook(this.#values, stream, hook),
      ...ofHook(this.#renewed, stream, hook),
    ]);
    return all.findLast((one) => one.name === name)?.value;
  }

  /** All that are known of a task, whoever gave them and whatever they are called. */
  valuesOf(stream: string): readonly string[] {
    return [this.#values, this.#renewed].flatMap((all) =>
      [...(all.get(stream)?.values() ?? [])].flat().map(({ value }) => value),
    );
  }

  /** The task is over. */
  forget(stream: string): void {
    this.#values.delete(stream);
    this.#renewed.delete(stream);
  }

  hashOf(name: string, value: string): string {
    this.#key ??= this.#readKey();
    const hash = createHmac('sha256', this.#key).update(`${name}\0`).update(value);
    return hash.digest('hex').slice(0, HASH_LENGTH);
  }
}

function ofHook(all: ByTask, stream: string, hook: string): readonly GivenSecret[] {
  return all.get(stream)?.get(hook) ?? [];
}

function put(all: ByTask, stream: string, hook: string, secrets: readonly GivenSecret[]): void {
  const ofTask = all.get(stream) ?? new Map<string, readonly GivenSecret[]>();
  all.set(stream, ofTask.set(hook, secrets));
}

const HASH_LENGTH = 32;

/** Made once per data directory, beside the store and not in it: a backup of the store does not have it. */
export function secretKey(stateDir: string): string {
  const path = join(stateDir, 'secret-key');
  createOnce(path, randomBytes(32).toString('hex'));
  const found = readPlainFile(path);
  // One that cannot be read only makes hashes of this agent differ from those of another.
  return found.is === 'text' && found.text !== '' ? found.text : randomBytes(32).toString('hex');
}
