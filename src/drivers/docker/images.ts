/** The image of a task: found at the engine or pulled, one pull for all who wait for the same. */
import type { Engine } from '../../engine/engine.ts';
import { HoldfastError, messageOf } from '../../errors.ts';
import type { TaskVoice } from '../task-voice.ts';
import type { ImageConfig } from './config.ts';
import type { DockerOptions } from './options.ts';

export class Images {
  readonly #engine: Engine;
  readonly #options: DockerOptions;
  readonly #pulls = new Map<string, Promise<void>>();

  constructor(engine: Engine, options: DockerOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  /** The id of the image. Errors: START_RETRYABLE, START_FAILED for one that is nowhere, UNAVAILABLE. */
  async ensure(config: ImageConfig, voice: TaskVoice, signal: AbortSignal): Promise<string> {
    const { image } = config;
    const isFresh = !config.forcePull && !isLatest(image);
    const known = isFresh ? await this.#engine.inspectImage(image) : undefined;
    if (known !== undefined) return known.id;
    voice.emit('image', 'Downloading image', { image });
    await this.#pulled(config, signal);
    const found = await this.#engine.inspectImage(image);
    if (found === undefined) throw new HoldfastError('START_RETRYABLE', `image ${image} is gone`);
    return found.id;
  }

  async #pulled(config: ImageConfig, signal: AbortSignal): Promise<void> {
    const { image, auth } = config;
    const key = JSON.stringify([image, auth]);
    // Whoever gives up leaves it to the others.
    const pull = this.#pulls.get(key) ?? this.#pull(config).finally(() => this.#pulls.delete(key));
    this.#pulls.set(key, pull);
    let stop = (): void => undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      stop = () => reject(signal.reason as Error);
      signal.addEventListener('abort', stop, { once: true });
    });
    try {
      await Promise.race([pull, aborted]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async #pull({ image, imagePullTimeoutMs, auth }: ImageConfig): Promise<void> {
    const { pullActivityTimeoutMs, imagePullTimeoutMs: usual } = this.#options;
    const silent = new AbortController();
    const limitMs = imagePullTimeoutMs ?? usual;
    let timer = setTimeout(() => silent.abort(), pullActivityTimeoutMs);
    const signal = AbortSignal.any([silent.signal, AbortSignal.timeout(limitMs)]);
    try {
      await this.#engine.pullImage(image, {
        signal,
        onProgress() {
          clearTimeout(timer);
          timer = setTimeout(() => silent.abort(), pullActivityTimeoutMs);
        },
        ...(auth && { auth: credentials(auth) }),
      });
    } catch (error) {
      const why = silent.signal.aborted ? 'it stood still' : messageOf(error);
      const isNowhere = /not found|does not exist|manifest unknown/i.test(why);
      const code = isNowhere ? 'START_FAILED' : 'START_RETRYABLE';
      throw new HoldfastError(code, `image ${image} cannot be pulled: ${why}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}

function credentials(auth: NonNullable<ImageConfig['auth']>): Readonly<Record<string, string>> {
  const { username, password, email, serverAddress } = auth;
  const all = { username, password, email, serveraddress: serverAddress };
  const given = Object.entries(all).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return Object.fromEntries(given);
}

/** What has no tag may be another one tomorrow. */
function isLatest(image: string): boolean {
  if (image.includes('@') || image.startsWith('sha256:')) return false;
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest';
}
