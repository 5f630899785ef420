/** Hears of files and keys that may have changed since they were read. */
import { watchPaths } from '../changes/watch-paths.ts';
import { type Input, type Inputs, partsOf } from './inputs.ts';

/** Of keys whose provider tells of no change. */
const ASK_AGAIN_MS = 5_000;

export type HearInput = (input: Input, isNews: boolean) => void;

/** From when it resolves on no change is missed; gives the way to end. Never rejects. */
export async function watchInputs(
  inputs: Inputs,
  wanted: ReadonlySet<Input>,
  hear: HearInput,
): Promise<() => void> {
  const files = new Map<string, Input>();
  const keys: string[] = [];
  for (const input of wanted) {
    const { kind, name } = partsOf(input);
    if (kind === 'file') files.set(inputs.pathOf(name), input);
    else keys.push(name);
  }
  const ends: (() => void)[] = [];
  if (files.size > 0) {
    const hearFile = (path: string, isNews: boolean): void => {
      const input = files.get(path);
      if (input !== undefined) hear(input, isNews);
    };
    ends.push(await watchPaths([...files.keys()], hearFile));
  }
  if (keys.length > 0) ends.push(await watchKeys(inputs, keys, hear));
  return () => {
    for (const end of ends) end();
  };
}

async function watchKeys(
  inputs: Inputs,
  keys: readonly string[],
  hear: HearInput,
): Promise<() => void> {
  const hearKey = (key: string, isNews = true): void => hear(`key ${key}`, isNews);
  try {
    const end = await inputs.keys?.watch?.(keys, hearKey);
    if (end !== undefined) return end;
  } catch {
    // A provider that cannot tell is asked.
  }
  const asked = new AskedKeys(inputs, keys, hearKey);
  await asked.askAll();
  const timer = setInterval(() => void asked.askAll(), ASK_AGAIN_MS).unref();
  return () => clearInterval(timer);
}

class AskedKeys {
  readonly #inputs: Inputs;
  readonly #keys: readonly string[];
  readonly #hear: (key: string) => void;
  readonly #values = new Map<string, string | undefined>();
  #isAsking = false;

  constructor(inputs: Inputs, keys: readonly string[], hear: (key: string) => void) {
    this.#inputs = inputs;
    this.#keys = keys;
    this.#hear = hear;
  }

  /** One round at a time: a provider that does not answer shall not be asked again and again. */
  async askAll(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    for (const key of this.#keys) {
      const value = await this.#inputs.read(`key ${key}`).catch(() => undefined);
      const isNews = this.#values.has(key) && this.#values.get(key) !== value;
      this.#values.set(key, value);
      if (isNews) this.#hear(key);
    }
    this.#isAsking = false;
  }
}
