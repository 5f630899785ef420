/** Runs of containers for tests: an agent's driver on an engine, and what it is given, kept below one directory. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { docker } from '../../src/drivers/docker/docker.ts';
import type { DockerDriverOptions } from '../../src/drivers/docker/options.ts';
import type { Driver, ExecutorDoor, RunRequest } from '../../src/drivers/driver.ts';
import { FileClaims } from '../../src/drivers/run-claims.ts';
import { dockerEngine } from '../../src/engine/docker-engine.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { keptDoors, type KeptDoors } from '../../src/testing/driver-doors.ts';
import { INSTANCE } from '../own-instance.ts';
import { runRequest } from '../drivers/run-request.ts';
import { IMAGE } from './engine-rig.ts';

export interface DockerAgent {
  readonly driver: Driver;
  readonly doors: KeptDoors;
}

let runs = 0;

/** A place for the files of an agent and of its tasks. */
export class DockerRuns {
  readonly dir = mkdtempSync(join(tmpdir(), 'hf-docker-'));
  readonly #endpoint: string;
  readonly #options: DockerDriverOptions;
  /** Time limit of a call of the engine, in milliseconds. */
  readonly #limitMs: number;

  constructor(endpoint: string, options: DockerDriverOptions = {}, limitMs = 10_000) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#limitMs = limitMs;
    for (const name of ['local', 'secrets', 'logs']) mkdirSync(join(this.dir, name));
  }

  agent(): DockerAgent {
    const options = { endpoint: this.#endpoint, ...this.#options };
    const driver = docker(options, async (place) => dockerEngine(place, this.#limitMs));
    const stateDir = join(this.dir, 'state');
    const claims = new FileClaims({ stateDir, instanceId: INSTANCE, machineEpoch: machineEpoch() });
    return { driver, doors: keptDoors({} as ExecutorDoor, 1, claims) };
  }

  run(config: Readonly<Record<string, unknown>>): RunRequest {
    runs += 1;
    return runRequest('docker', { image: IMAGE, ...config }, runs, this.dir);
  }

  script(script: string, config: Readonly<Record<string, unknown>> = {}): RunRequest {
    return this.run({ command: 'sh', args: ['-c', script], ...config });
  }

  /** Goes on until it is told to end; as process 1 it has to want to. */
  lasting(): RunRequest {
    return this.script('trap "exit 143" TERM; while :; do sleep 0.05; done');
  }

  close(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
