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

export class SecretValues {
  readonly #readKey: () => string;
  #key: string | undefined;
  readonly #values = new Map<string, Map<string, readonly GivenSecret[]>>();

  /** `readKey` is called when there is a first secret to hash. */
  constructor(readKey: () => string) {
    this.#readKey = readKey;
  }

  /** Instead of what the hook gave before. What may be recorded of those that are variables. */
  keep(stream: string, hook: string, secrets: readonly GivenSecret[]): readonly EnvEntry[] {
    const ofTask = this.#values.get(stream) ?? new Map<string, readonly GivenSecret[]>();
    this.#values.set(stream, ofTask.set(hook, secrets));
    return secrets.flatMap((secret) =>
      secret.env === undefined
        ? []
        : [{ name: secret.env, secret: secret.name, hash: this.#hashOf(secret) }],
    );
  }

  /** Of a variable as it was recorded; undefined when this agent has no such value, or another one. */
  valueOf(stream: string, hook: string, { secret, hash }: EnvEntry): string | undefined {
    const found = this.#ofHook(stream, hook).find(({ name }) => name === secret);
    return found !== undefined && this.#hashOf(found) === hash ? found.value : undefined;
  }

  /** By name, among what these hooks gave; the last one that gave it wins. */
  find(stream: string, hooks: readonly string[], name: string): string | undefined {
    const all = hooks.flatMap((hook) => this.#ofHook(stream, hook));
    return all.findLast((one) => one.name === name)?.value;
  }

  /** The task is over. */
  forget(stream: string): void {
    this.#values.delete(stream);
  }

  #ofHook(stream: string, hook: string): readonly GivenSecret[] {
    return this.#values.get(stream)?.get(hook) ?? [];
  }

  #hashOf({ name, value }: GivenSecret): string {
    this.#key ??= this.#readKey();
    const hash = createHmac('sha256', this.#key).update(`${name}\0`).update(value);
    return hash.digest('hex').slice(0, HASH_LENGTH);
  }
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
