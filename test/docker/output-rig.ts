/** A docker logger and a collector with FIFOs between them, both to be killed at will, and nothing of an agent. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ensureFifo } from '../../src/os/ensure-fifo.ts';
import { dockerLoggerMethods as logger } from '../../src/rpc/docker-logger-methods.ts';
import { call } from '../../src/rpc/framed-client.ts';
import type { SettleResponse } from '../../src/rpc/gen/holdfast/dockerlogger/v1/docker_logger.ts';
import { logmonMethods as logmon } from '../../src/rpc/logmon-methods.ts';
import { type Host, spawnHost } from '../../src/rpc/spawn-host.ts';
import { INSTANCE } from '../own-instance.ts';

const AGENT = { agentEpoch: 1 };
const LAUNCH_KEY = 'run1';

type Kind = 'docker-logger' | 'logmon';

export interface FollowedContainer {
  readonly endpoint: string;
  readonly containerId: string;
  readonly isTty?: boolean;
}

export class OutputRig {
  readonly dir = mkdtempSync(join(tmpdir(), 'hf-output-'));
  readonly #hosts = new Map<Kind, Host>();
  readonly #container: FollowedContainer;
  #count = 0;

  constructor(container: FollowedContainer) {
    this.#container = container;
    for (const name of ['run', 'fifo', 'logs/alloc'])
      mkdirSync(join(this.dir, name), { recursive: true });
    ensureFifo(this.#fifo('out'));
    ensureFifo(this.#fifo('err'));
  }

  #fifo(name: string): string {
    return join(this.dir, 'fifo', `task.${name}`);
  }

  get runDir(): string {
    return join(this.dir, 'run', LAUNCH_KEY);
  }

  /** Starts what is not there, and tells it what to do, as an agent does. */
  async ensure(kind: Kind): Promise<void> {
    if (this.#hosts.has(kind)) return;
    this.#count += 1;
    const host = await spawnHost({
      ...AGENT,
      stateDir: this.dir,
      kind,
      hostId: `h${this.#count}`,
      instanceId: INSTANCE,
    });
    this.#hosts.set(kind, host);
    if (kind === 'docker-logger') await this.#follow(host);
    else await this.#collect(host);
  }

  pidOf(kind: Kind): number | undefined {
    return this.#hosts.get(kind)?.address.pid;
  }

  kill(kind: Kind): void {
    const host = this.#hosts.get(kind);
    if (host === undefined) return;
    this.#hosts.delete(kind);
    process.kill(host.address.pid, 'SIGKILL');
    host.channel.close();
  }

  async settle(patienceMs: number, knownRemarks = 0): Promise<SettleResponse> {
    const host = this.#the('docker-logger');
    const request = { ...AGENT, launchKey: LAUNCH_KEY, patienceMs, knownRemarks };
    return call(host.channel, logger.settle, request);
  }

  async release(): Promise<void> {
    const request = { ...AGENT, launchKey: LAUNCH_KEY };
    await call(this.#the('docker-logger').channel, logger.release, request);
  }

  /** All that is in the files once everything in the FIFOs is. */
  async collected(): Promise<{ readonly stdout: Buffer; readonly stderr: Buffer }> {
    await call(this.#the('logmon').channel, logmon.drain, { ...AGENT, taskKey: 'task' });
    return { stdout: this.#segments('stdout'), stderr: this.#segments('stderr') };
  }

  /** The shells that hold pipes of this rig. */
  holders(): readonly string[] {
    const mine = `holdfast-output\0${this.dir}/`;
    return readdirSync('/proc').filter(
      (name) => /^\d+$/.test(name) && commandOf(name).includes(mine),
    );
  }

  async end(): Promise<void> {
    if (this.#hosts.has('docker-logger')) await this.release();
    for (const kind of ['docker-logger', 'logmon'] as const) this.kill(kind);
    for (const pid of this.holders()) process.kill(Number(pid), 'SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }

  #the(kind: Kind): Host {
    const host = this.#hosts.get(kind);
    if (host === undefined) throw new Error(`there is no ${kind} host`);
    return host;
  }

  async #follow(host: Host): Promise<void> {
    const { endpoint, containerId, isTty = false } = this.#container;
    await call(host.channel, logger.follow, {
      ...AGENT,
      launchKey: LAUNCH_KEY,
      dir: this.runDir,
      stdoutFifo: this.#fifo('out'),
      stderrFifo: this.#fifo('err'),
      containerId,
      endpoint,
      tlsCert: '',
      tlsKey: '',
      tlsCa: '',
      isTty,
    });
  }

  async #collect(host: Host): Promise<void> {
    await call(host.channel, logmon.collect, {
      ...AGENT,
      taskKey: 'task',
      stdoutFifo: this.#fifo('out'),
      stderrFifo: this.#fifo('err'),
      logDir: join(this.dir, 'logs/alloc'),
      fileStem: 'web',
      maxFiles: 10_000,
      maxFileBytes: 262_144,
      run: 1,
      compress: false,
      dropWhenFull: false,
      budgetBytes: 0,
      logsRoot: join(this.dir, 'logs'),
    });
  }

  #segments(stream: string): Buffer {
    const dir = join(this.dir, 'logs/alloc');
    const pattern = new RegExp(`^web\\.${stream}\\.(\\d+)(\\.gz)?$`);
    const found = readdirSync(dir).flatMap((name) => {
      const match = pattern.exec(name);
      return match === null ? [] : [{ name, number: Number(match[1]), isPacked: match[2] }];
    });
    const contents = found
      .toSorted((a, b) => a.number - b.number)
      .map(({ name, isPacked }) => {
        const bytes = readFileSync(join(dir, name));
        return isPacked === undefined ? bytes : gunzipSync(bytes);
      });
    return Buffer.concat(contents);
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
