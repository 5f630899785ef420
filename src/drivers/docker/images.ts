/** The image of a task: found at the engine, pulled or loaded; one pull for all who wait for the same. */
import type { Engine } from '../../engine/engine.ts';
import { EngineError } from '../../engine/engine-error.ts';
import { HoldfastError, messageOf } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import type { DriverDoors, RunRequest } from '../driver.ts';
import type { Holding } from '../holdings.ts';
import type { ImageConfig } from './config.ts';
import { ImageUses } from './image-uses.ts';
import { openImageTar } from './image-tar.ts';
import type { DockerOptions } from './options.ts';
import { PullProgress } from './pull-progress.ts';
import { credentialsFor } from './registry-credentials.ts';

/** How a task is told apart among users of an image. */
type Task = Pick<RunRequest, 'allocId'> & { readonly task: { readonly name: string } };
type Doors = Pick<DriverDoors, 'task' | 'holdings'>;

interface Pull {
  readonly progress: PullProgress;
  readonly done: Promise<string>;
}

export class Images {
  readonly #engine: Engine;
  readonly #options: DockerOptions;
  readonly #pulls = new Map<string, Pull>();
  readonly #uses: ImageUses;

  constructor(engine: Engine, options: DockerOptions) {
    this.#engine = engine;
    this.#options = options;
    const remove = async (id: string): Promise<void> => void (await engine.removeImage(id));
    this.#uses = new ImageUses(remove, options.gc.imageDelayMs);
  }

  /** From here on images that were fetched for tasks are removed when nobody uses them. */
  begin(clock: Clock): void {
    if (this.#options.gc.isImageOn) this.#uses.begin(clock);
  }

  end(): void {
    this.#uses.end();
  }

  /**
   * The id of the image, which the task holds from then on; one that was fetched for it is in its record. Errors:
   * START_RETRYABLE, START_FAILED for one that is nowhere, DRIVER_CONFIG_INVALID, EngineError.
   */
  async ensure(
    config: ImageConfig,
    run: Task & Pick<RunRequest, 'dirs'>,
    doors: Doors,
    signal: AbortSignal,
  ): Promise<string> {
    this.recall(run, doors.holdings.current());
    const id = await this.#there(config, run.dirs.task, doors, signal);
    // One that is on its way out is looked for again when it is gone.
    if (await this.#uses.settled(id)) return this.ensure(config, run, doors, signal);
    if (this.#uses.hold(id, nameOf(run))) await doors.holdings.record({ kind: 'image', id });
    return id;
  }

  /** What is in a task's record is ours, and the task uses it: how an agent learns of what came before it. */
  recall(of: Task, things: readonly Holding[]): void {
    for (const { id } of things.filter(({ kind }) => kind === 'image')) {
      this.#uses.own(id);
      this.#uses.hold(id, nameOf(of));
    }
  }

  /** The task is over. */
  release(id: string, of: Task): void {
    this.#uses.own(id);
    this.#uses.drop(id, nameOf(of));
  }

  async #there(
    config: ImageConfig,
    taskDir: string,
    doors: Doors,
    signal: AbortSignal,
  ): Promise<string> {
    const { image, load, forcePull } = config;
    if (load !== undefined) return this.#loaded(image, { taskDir, path: load }, signal);
    const isFresh = !forcePull && !isLatest(image);
    const known = isFresh ? await this.#engine.inspectImage(image) : undefined;
    return known?.id ?? this.#pulled(config, doors, signal);
  }

  async #loaded(
    image: string,
    { taskDir, path }: { readonly taskDir: string; readonly path: string },
    signal: AbortSignal,
  ): Promise<string> {
    const before = await this.#engine.inspectImage(image);
    const file = await openImageTar(taskDir, path);
    try {
      const limit = AbortSignal.timeout(this.#options.imagePullTimeoutMs);
      const tar = file.createReadStream({ autoClose: false });
      await this.#engine.loadImage(tar, AbortSignal.any([signal, limit]));
    } catch (error) {
      const isRefused = EngineError.of(error)?.kind === 'refused';
      const code = isRefused ? 'START_FAILED' : 'START_RETRYABLE';
      throw new HoldfastError(code, `image ${image} cannot be loaded from ${path}`, {
        cause: error,
      });
    } finally {
      await file.close();
    }
    const found = await this.#engine.inspectImage(image);
    if (found === undefined) {
      throw new HoldfastError('START_FAILED', `there is no image ${image} in ${path}`);
    }
    if (found.id !== before?.id) this.#uses.own(found.id);
    return found.id;
  }

  async #pulled(config: ImageConfig, { task }: Doors, signal: AbortSignal): Promise<string> {
    const { image, auth } = config;
    const key = JSON.stringify([image, auth]);
    const pull = this.#pulls.get(key) ?? this.#begun(key, config);
    pull.progress.join(task);
    let stop = (): void => undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      stop = () => reject(signal.reason as Error);
      signal.addEventListener('abort', stop, { once: true });
    });
    try {
      signal.throwIfAborted();
      return await Promise.race([pull.done, aborted]);
    } finally {
      signal.removeEventListener('abort', stop);
      pull.progress.leave(task);
    }
  }

  /** Whoever gives up leaves it to the others. */
  #begun(key: string, config: ImageConfig): Pull {
    const progress = new PullProgress(config.image);
    const done = this.#pull(config, progress).finally(() => {
      progress.end();
      this.#pulls.delete(key);
    });
    // When all have given up, nobody is left to hear of it.
    done.catch(() => undefined);
    const pull = { progress, done };
    this.#pulls.set(key, pull);
    return pull;
  }

  async #pull(config: ImageConfig, progress: PullProgress): Promise<string> {
    const { image, imagePullTimeoutMs } = config;
    const { pullActivityTimeoutMs, imagePullTimeoutMs: usual, auth: operator } = this.#options;
    const before = await this.#engine.inspectImage(image);
    const auth = await credentialsFor(config, operator);
    const silent = new AbortController();
    let timer = setTimeout(() => silent.abort(), pullActivityTimeoutMs);
    const limit = AbortSignal.timeout(imagePullTimeoutMs ?? usual);
    try {
      await this.#engine.pullImage(image, {
        signal: AbortSignal.any([silent.signal, limit]),
        onProgress(status, layer) {
          progress.note(status, layer);
          clearTimeout(timer);
          timer = setTimeout(() => silent.abort(), pullActivityTimeoutMs);
        },
        ...(auth && { auth }),
      });
    } catch (error) {
      throw pullFault(image, error, {
        isSilent: silent.signal.aborted,
        secret: auth?.['password'],
      });
    } finally {
      clearTimeout(timer);
    }
    const found = await this.#engine.inspectImage(image);
    if (found === undefined) throw new HoldfastError('START_RETRYABLE', `image ${image} is gone`);
    if (found.id !== before?.id) this.#uses.own(found.id);
    return found.id;
  }
}

function pullFault(
  image: string,
  error: unknown,
  { isSilent, secret }: { readonly isSilent: boolean; readonly secret: string | undefined },
): HoldfastError {
  const said = isSilent ? 'it stood still' : messageOf(error);
  const why = secret === undefined || secret === '' ? said : said.replaceAll(secret, '***');
  const isNowhere = /not found|does not exist|manifest unknown/i.test(why);
  const code = isNowhere ? 'START_FAILED' : 'START_RETRYABLE';
  // The engine's own words stay out of it where they could tell the secret.
  const more = secret === undefined ? { cause: error } : {};
  return new HoldfastError(code, `image ${image} cannot be pulled: ${why}`, more);
}

function nameOf({ allocId, task }: Task): string {
  return `${allocId}/${task.name}`;
}

/** What has no tag may be another one tomorrow. */
function isLatest(image: string): boolean {
  if (image.includes('@') || image.startsWith('sha256:')) return false;
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest';
}
