/**
 * Removes what is left over at an engine, at first when the engine was found healthy and then once a period. An engine
 * that does not answer has nothing removed, and what was seen before counts when it is back.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../../engine/engine.ts';
import { messageOf } from '../../errors.ts';
import { pause } from '../../ports.ts';
import type { DriverAgent, DriverAttachment } from '../driver-agent.ts';
import { OWN_LABELS } from './config.ts';
import { type ClaimedRun, type Leftover, type Sightings, sweepContainers } from './reconcile.ts';
import type { DockerOptions } from './options.ts';

/** One sweep for each agent that a driver works for. */
export function leftoverSweeps(options: DockerOptions['gc']) {
  const sweeps = new Set<LeftoverSweep>();
  return {
    attach(this: void, agent: DriverAgent): DriverAttachment {
      const sweep = new LeftoverSweep(agent, options);
      sweeps.add(sweep);
      return {
        async close() {
          sweeps.delete(sweep);
          await sweep.close();
        },
      };
    },
    /** The engine is well. */
    begin(engine: Engine): void {
      for (const sweep of sweeps) sweep.begin(engine);
    },
  };
}

class LeftoverSweep {
  readonly #agent: DriverAgent;
  readonly #options: DockerOptions['gc'];
  readonly #leaving = new AbortController();
  /** Those of which it was said that they would be removed. */
  readonly #told = new Set<string>();
  #sightings: Sightings = new Map();
  #work: Promise<void> | undefined;

  constructor(agent: DriverAgent, options: DockerOptions['gc']) {
    this.#agent = agent;
    this.#options = options;
  }

  /** The first call counts. */
  begin(engine: Engine): void {
    if (this.#options.dangling.isOn) this.#work ??= this.#goOn(engine);
  }

  /** Resolves when nothing is removed any more. */
  async close(): Promise<void> {
    this.#leaving.abort();
    await this.#work;
  }

  async #goOn(engine: Engine): Promise<void> {
    const { clock, logger, recovered } = this.#agent;
    const { signal } = this.#leaving;
    const left = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([recovered, left]);
    while (!signal.aborted) {
      try {
        await this.#sweep(engine);
      } catch (error) {
        logger.warn({ error: messageOf(error) }, 'the engine was not asked for what is left over');
      }
      const nextAt = clock.steady() + this.#options.dangling.periodMs;
      await pause(clock, nextAt, signal).catch(() => undefined);
    }
  }

  async #sweep(engine: Engine): Promise<void> {
    const { instanceId, clock } = this.#agent;
    const entries = await engine.listContainers({ [`${OWN_LABELS}instance`]: instanceId });
    const { sightings, leftovers } = sweepContainers(entries, this.#sightings, {
      instanceId,
      graceMs: this.#options.dangling.creationGraceMs,
      now: clock.steady(),
      isKnown: (run) => this.#isKnown(run),
    });
    this.#sightings = sightings;
    for (const leftover of leftovers) {
      if (this.#leaving.signal.aborted) return;
      await this.#remove(engine, leftover);
    }
  }

  async #remove(engine: Engine, leftover: Leftover): Promise<void> {
    const { id, name, state } = leftover.entry;
    const { isContainerOn, dangling } = this.#options;
    // Kept for whoever wants to look at it, as the operator wished.
    if (!isContainerOn && (state === 'exited' || state === 'dead')) return;
    // Removing those before it took a while.
    if (this.#isKnown(leftover)) return;
    if (!this.#told.has(id)) {
      this.#told.add(id);
      this.#agent.record('DriverLeftoverFound', {
        driver: 'docker',
        kind: 'container',
        id,
        name,
        verdict: dangling.isDryRun ? 'keep' : 'remove',
        reason: `run ${leftover.launchKey} of ${leftover.task} in ${leftover.allocId} is nobody's`,
      });
    }
    if (dangling.isDryRun) return;
    try {
      // crash point: agent.leftover.recorded
      // By its id: whatever takes its name meanwhile is another.
      await engine.removeContainer(id, { force: true, volumes: true });
    } catch (error) {
      const facts = { id, name, error: messageOf(error) };
      this.#agent.logger.warn(facts, 'what is left over is still there, and tried again');
    }
  }

  /** What has files here is for whoever looks at those: they may be all that could be read of it. */
  #isKnown({ launchKey, allocId, task }: ClaimedRun): boolean {
    const { stateDir } = this.#agent;
    return (
      this.#agent.isKnown(launchKey) ||
      this.#agent.isKnown(launchKey, { allocId, task }) ||
      existsSync(join(stateDir, 'run', launchKey))
    );
  }
}
