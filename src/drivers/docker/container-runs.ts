/** Runs of containers, loaded with the first one. No run waits for another. */
import type { Engine } from '../../engine/engine.ts';
import { EngineError } from '../../engine/engine-error.ts';
import { HoldfastError } from '../../errors.ts';
import type { StopStep } from '../../machines/kill-policy.ts';
import type {
  Driver,
  DriverDoors,
  EndedTask,
  RunOutcome,
  RunRequest,
  RunSighting,
  StartOutcome,
  StopOutcome,
} from '../driver.ts';
import type { Holding } from '../holdings.ts';
import { undoThings } from './clean-up.ts';
import { containerCapabilities } from './check-task.ts';
import { type DockerConfig, readDockerConfig } from './config.ts';
import { type ContainerBody, containerBody, containerName } from './container-body.ts';
import { endContainer, lookAgain, untilEnded } from './container-end.ts';
import {
  begunNote,
  type Found,
  hasBegun,
  isLiving,
  isOutlived,
  networkOf,
  outcomeOf,
  signalNote,
  sightOf,
  unknownSight,
} from './container-sight.ts';
import { bootedAt, findContainer, processNote, processOf } from './container-look.ts';
import { ContainerOutput } from './container-output.ts';
import { createContainer, removeContainer, startContainer } from './container-start.ts';
import { containerStorage } from './container-storage.ts';
import { Images } from './images.ts';
import type { DockerOptions } from './options.ts';

type Calls = Pick<Driver, 'inspect' | 'start' | 'adopt' | 'wait' | 'stop' | 'signal' | 'release'>;

export class ContainerRuns implements Calls {
  readonly #engine: Engine;
  readonly #options: DockerOptions;
  readonly images: Images;
  readonly #output: ContainerOutput;

  constructor(engine: Engine, options: DockerOptions) {
    this.#engine = engine;
    this.#options = options;
    this.images = new Images(engine, options);
    this.#output = new ContainerOutput(options);
  }

  async inspect(run: RunRequest, doors: DriverDoors): Promise<RunSighting> {
    const { claims } = doors;
    this.images.recall(run, doors.holdings.current());
    let found: Found;
    try {
      found = await this.#find(run, doors);
    } catch (error) {
      if (EngineError.of(error) === undefined) throw error;
      return unknownSight(claims.look(run));
    }
    // After the look at the engine: whoever is at it may have come to an end meanwhile.
    const claim = claims.look(run);
    const facts = found.is === 'ours' ? found.facts : undefined;
    const isOver = facts !== undefined && hasBegun(facts) && !isLiving(facts);
    if (isOver) await this.#output.rest(run, facts, doors);
    return sightOf(found, claim, {
      machineEpoch: claims.machineEpoch,
      bootedAt: bootedAt(this.#engine, run, doors.claims),
      process: facts && processOf(facts, claim.notes, { engine: this.#engine, claims }),
      network: facts && networkOf(facts, readDockerConfig(run.task.config), run.ports ?? []),
    });
  }

  async start(run: RunRequest, doors: DriverDoors, signal: AbortSignal): Promise<StartOutcome> {
    let body: ContainerBody;
    let config: DockerConfig;
    try {
      config = readDockerConfig(run.task.config);
      body = await this.#body(run, config, doors, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (EngineError.of(error) !== undefined) throw error;
      // Nothing was claimed yet, so a bug of the driver is a refused start like any other, and says what it is.
      const { code, message, retryable } = HoldfastError.from(error);
      return { kind: 'refused', code, message, isRecoverable: retryable };
    }
    const claim = doors.claims.claim(run);
    if (claim === 'aborted') return { kind: 'aborted' };
    if (claim === 'held') throw lookAgain(`another is at the start of run ${run.launchKey}`);
    try {
      return await this.#launch(run, doors, { body, config, signal });
    } finally {
      doors.claims.leave(run);
    }
  }

  async #body(
    run: RunRequest,
    config: DockerConfig,
    doors: DriverDoors,
    signal: AbortSignal,
  ): Promise<ContainerBody> {
    const options = this.#options;
    const wish = {
      run,
      config,
      options,
      instanceId: doors.claims.instanceId,
      ports: run.ports ?? [],
      storage: containerStorage(run, config, options),
      capabilities: config.privileged ? [] : containerCapabilities(config, options),
      labels: doors.task.labels,
    };
    // What it cannot be is known before an image is fetched for it.
    containerBody({ ...wish, imageId: config.image });
    const imageId = await this.images.ensure(config, run, doors, signal);
    return containerBody({ ...wish, imageId });
  }

  async #launch(
    run: RunRequest,
    doors: DriverDoors,
    wish: {
      readonly body: ContainerBody;
      readonly config: DockerConfig;
      readonly signal: AbortSignal;
    },
  ): Promise<StartOutcome> {
    const { body, config, signal } = wish;
    const { claims } = doors;
    const name = containerName(run.launchKey);
    const engine = this.#engine;
    const attempts = config.containerExistsAttempts ?? this.#options.containerExistsAttempts;
    const find = (): Promise<Found> => this.#find(run, doors);
    const steps = { engine, name, body, attempts, find, signal };
    // It had begun under another claim, and is gone: it ran, whoever comes late.
    if (isOutlived(await find(), claims.look(run))) {
      throw lookAgain(`${name} had begun, and is gone`);
    }
    await doors.holdings.record({ kind: 'container', id: name });
    const id = await createContainer(steps);
    if (typeof id !== 'string') return this.#giveUp(run, doors, id);
    // What was given up meanwhile must not begin.
    signal.throwIfAborted();
    claims.note(run, begunNote(id));
    const refused = await startContainer(steps, id);
    if (refused !== undefined) {
      await removeContainer(engine, id);
      return this.#giveUp(run, doors, refused);
    }
    const facts = await engine.inspectContainer(id);
    if (facts !== undefined) this.#output.follow(run, facts, doors);
    const process = facts && processOf(facts, claims.look(run).notes, { engine, claims });
    // It began and is over, or gone: how, its next sighting tells.
    if (facts === undefined || process === undefined) throw lookAgain(`${name} has ended already`);
    claims.note(run, processNote(process));
    const network = networkOf(facts, config, run.ports ?? []);
    return { kind: 'started', process, network };
  }

  /** Nothing of it is there, and nobody is to begin it again under this key. */
  async #giveUp(
    run: RunRequest,
    doors: DriverDoors,
    refused: Extract<StartOutcome, { kind: 'refused' }>,
  ): Promise<StartOutcome> {
    doors.claims.leave(run);
    doors.claims.abort(run);
    await this.#forget(run, doors);
    return refused;
  }

  /** True when it lives: the engine owns it, and nothing needs to be taken over. */
  async adopt(run: RunRequest, doors: DriverDoors): Promise<boolean> {
    const found = await this.#find(run, doors);
    if (found.is !== 'ours' || !isLiving(found.facts)) return false;
    this.#output.follow(run, found.facts, doors);
    return true;
  }

  async wait(run: RunRequest, doors: DriverDoors, signal: AbortSignal): Promise<RunOutcome> {
    const found = await untilEnded(this.#engine, () => this.#find(run, doors), signal);
    if (found.is === 'ours' && hasBegun(found.facts)) {
      await this.#output.rest(run, found.facts, doors);
      return outcomeOf(found.facts, doors.claims.look(run), {
        bootedAt: bootedAt(this.#engine, run, doors.claims),
      });
    }
    return { kind: 'lost', reason: 'its container was removed by somebody else', maybeRan: true };
  }

  async stop(
    run: RunRequest,
    plan: readonly StopStep[],
    doors: DriverDoors,
    signal: AbortSignal,
  ): Promise<StopOutcome> {
    const { claims } = doors;
    const find = (): Promise<Found> => this.#find(run, doors);
    const found = await find();
    if (found.is === 'ours' && hasBegun(found.facts)) {
      if (!isLiving(found.facts)) return { kind: 'ended' };
      const note = (word: string): void => claims.note(run, signalNote(word));
      return endContainer({ engine: this.#engine, find, note }, found.facts, plan, signal);
    }
    const wasBegun = isOutlived(found, claims.look(run));
    if (claims.abort(run) === 'held')
      throw lookAgain(`a start of run ${run.launchKey} is under way`);
    // One that was created only, or late, by whoever is not at it any more.
    if (found.is === 'ours') await removeContainer(this.#engine, found.facts.id);
    return { kind: wasBegun ? 'ended' : 'aborted' };
  }

  async signal(run: RunRequest, signal: string, doors: DriverDoors): Promise<boolean> {
    const found = await this.#find(run, doors);
    if (found.is !== 'ours' || !isLiving(found.facts)) return false;
    doors.claims.note(run, signalNote(signal));
    return this.#engine.killContainer(found.facts.id, signal);
  }

  async release(run: RunRequest, doors: DriverDoors): Promise<void> {
    await this.#output.release(run, doors);
    if (!this.#options.gc.isContainerOn) return;
    const found = await this.#find(run, doors);
    if (found.is === 'ours') await removeContainer(this.#engine, found.facts.id);
    await this.#forget(run, doors);
  }

  cleanUp(things: readonly Holding[], of: EndedTask, doors: DriverDoors): Promise<void> {
    return undoThings(
      { engine: this.#engine, options: this.#options, images: this.images },
      things,
      of,
      doors,
    );
  }

  #forget(run: RunRequest, doors: DriverDoors): Promise<void> {
    return doors.holdings.forget({ kind: 'container', id: containerName(run.launchKey) });
  }

  #find(run: RunRequest, { claims }: DriverDoors): Promise<Found> {
    return findContainer(this.#engine, run, claims.instanceId);
  }
}
