import { closeSync, constants, mkdirSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFifo } from '../../src/os/libc.ts';
import { launchKey } from '../../src/os/launch-key.ts';
import { runDirectory } from '../../src/os/run-directory.ts';
import { executorMethods as service } from '../../src/rpc/executor-methods.ts';
import { call, follow } from '../../src/rpc/framed-client.ts';
import {
  type FollowResponse,
  type LaunchRequest,
  type LaunchResponse,
  type Process,
  type StopResponse,
  type StopStep,
} from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import { type Host, spawnHost } from '../../src/rpc/spawn-host.ts';
import { INSTANCE } from '../own-instance.ts';

/** How one test waits for what must happen; never for how fast. */
export const DEADLINE_MS = 15_000;

export async function until<T>(look: () => T | undefined | false): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const seen = look();
    if (seen !== undefined && seen !== false) return seen;
    if (Date.now() > deadline) throw new Error(`never happened: ${look.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A state directory with FIFOs, hosts in it, and everything started from it; `end` leaves nothing behind. */
export class Rig {
  readonly stateDir = mkdtempSync(join(tmpdir(), 'host-'));
  readonly stdout: number;
  readonly stderr: number;
  readonly #hosts: Host[] = [];
  readonly #started = new Set<number>();
  #runs = 0;

  constructor() {
    mkdirSync(join(this.stateDir, 'run'));
    const [stdout, stderr] = ['out', 'err'].map((name) => {
      makeFifo(join(this.stateDir, name));
      return openSync(join(this.stateDir, name), constants.O_RDWR | constants.O_NONBLOCK);
    });
    this.stdout = stdout ?? -1;
    this.stderr = stderr ?? -1;
  }

  async host(hostId: string, agentEpoch = 1): Promise<Host> {
    const { stateDir } = this;
    const host = await spawnHost({
      stateDir,
      hostId,
      kind: 'executor',
      instanceId: INSTANCE,
      agentEpoch,
    });
    this.#hosts.push(host);
    return host;
  }

  /** A request for `sh -c script`, with a launch key of its own. */
  request(script: string, changes: Partial<LaunchRequest> = {}): LaunchRequest {
    this.#runs += 1;
    // Other rigs run beside this one: what is theirs must not look like ours.
    const key = launchKey('alloc', 'task', this.#runs, this.stateDir);
    return {
      agentEpoch: 1,
      launchKey: key,
      token: 'token',
      mark: `${INSTANCE}:${key}`,
      allocId: 'alloc',
      task: 'task',
      run: this.#runs,
      specHash: 'h',
      command: '/bin/sh',
      args: ['-c', script],
      env: { PATH: '/usr/bin:/bin' },
      cwd: '/',
      stdoutFifo: join(this.stateDir, 'out'),
      stderrFifo: join(this.stateDir, 'err'),
      confinement: undefined,
      collect: undefined,
      ...changes,
    };
  }

  dirOf(request: { launchKey: string }): string {
    return runDirectory(this.stateDir, request.launchKey);
  }

  async launch(host: Host, request: LaunchRequest): Promise<LaunchResponse['outcome']> {
    const { outcome } = await call(host.channel, service.launch, request);
    if (outcome?.$case === 'started') this.#started.add(outcome.value.pid);
    return outcome;
  }

  async started(host: Host, request: LaunchRequest): Promise<Process> {
    const outcome = await this.launch(host, request);
    if (outcome?.$case !== 'started') throw new Error(JSON.stringify(outcome));
    return outcome.value;
  }

  async stop(
    host: Host,
    key: string,
    steps: readonly StopStep[],
  ): Promise<StopResponse['outcome']> {
    const request = { agentEpoch: 1, launchKey: key, steps: [...steps] };
    return (await call(host.channel, service.stop, request)).outcome;
  }

  /** What Follow says of one run. */
  async report(host: Host, key: string): Promise<FollowResponse['report']> {
    const options = { signal: AbortSignal.timeout(DEADLINE_MS) };
    for await (const message of follow(host.channel, service.follow, { agentEpoch: 1 }, options)) {
      if (message.launchKey === key) return message.report;
    }
    throw new Error(`no report of ${key}`);
  }

  /** Everything the programs have written so far. */
  read(fd: number): string {
    const bytes = Buffer.alloc(65_536);
    try {
      return bytes.toString('utf8', 0, readSync(fd, bytes));
    } catch {
      return '';
    }
  }

  /** Reads until `enough` says so. */
  async output(enough: (text: string) => boolean): Promise<string> {
    let text = '';
    return until(() => {
      text += this.read(this.stdout);
      return enough(text) && text;
    });
  }

  end(): void {
    for (const { channel } of this.#hosts) channel.close();
    for (const { address } of this.#hosts) kill(address.pid);
    for (const pid of this.#started) kill(-pid);
    closeSync(this.stdout);
    closeSync(this.stderr);
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
