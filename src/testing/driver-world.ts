/** What outlives the agents of a rig: a directory, the hosts in it, and every run that was asked for. */
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunRequest } from '../drivers/driver.ts';
import { makeFifo } from '../os/libc.ts';
import { launchKey } from '../os/launch-key.ts';
import { resolveSpec } from '../spec/resolve-spec.ts';
import { validateGroup } from '../spec/validate-spec.ts';

export class DriverWorld {
  readonly dir = mkdtempSync(join(tmpdir(), 'hf-driver-'));
  /** Whose programs they are: another process may have runs with the same keys at the same time. */
  readonly instanceId = `i${process.pid}`;
  readonly runs: RunRequest[] = [];
  /** Has each agent let go of its hosts. */
  readonly agents: (() => void)[] = [];
  readonly #fifos: readonly number[];
  #epoch = 0;

  constructor() {
    for (const name of ['run', 'logs', 'local', 'secrets', 'private', 'tmp']) {
      mkdirSync(join(this.dir, name));
    }
    // Held open, so that no program waits for a reader; what does not fit into them makes it wait.
    this.#fifos = ['out', 'err'].map((name) => {
      makeFifo(join(this.dir, name));
      return openSync(join(this.dir, name), constants.O_RDWR | constants.O_NONBLOCK);
    });
  }

  nextEpoch(): number {
    this.#epoch += 1;
    return this.#epoch;
  }

  request(driver: string, config: Readonly<Record<string, unknown>>): RunRequest {
    const run = this.runs.length + 1;
    const group = validateGroup({ name: 'shop', tasks: [{ name: 'web', driver, config }] });
    const [task] = resolveSpec(group).tasks;
    if (task === undefined) throw new Error('a group without a task');
    const token = `token${run}`;
    const key = launchKey('a1', task.name, run, token);
    const place = (name: string): string => join(this.dir, name);
    const request: RunRequest = {
      allocId: 'a1',
      allocName: 'shop',
      task,
      run,
      launchKey: key,
      token,
      mark: `${this.instanceId}:${key}`,
      machineEpoch: undefined,
      specHash: 'h1',
      dirs: {
        alloc: this.dir,
        task: this.dir,
        local: place('local'),
        secrets: place('secrets'),
        private: place('private'),
        tmp: place('tmp'),
        logs: place('logs'),
        stdoutFifo: place('out'),
        stderrFifo: place('err'),
      },
      env: { PATH: '/usr/bin:/bin' },
    };
    this.runs.push(request);
    return request;
  }

  clear(): void {
    for (const fifo of this.#fifos) closeSync(fifo);
    // A host that is ending may still write into it.
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
