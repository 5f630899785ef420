/** The agent of the demo, its directory, and the command that speaks to it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { TaskView } from '../../src/index.ts';
import { command } from './stage.ts';

const run = promisify(execFile);
export const root = join(import.meta.dirname, '..', '..');
export const holdfast = join(root, 'bin', 'holdfast');

export class Machine {
  /** Not below TMPDIR, which may be too long for a socket's path. */
  readonly dir = mkdtempSync('/tmp/holdfast-demo-');
  readonly dataDir = join(this.dir, 'data');
  readonly agentLog = join(this.dir, 'agent.log');
  #agent: ChildProcess | undefined;

  get agentPid(): number {
    return this.#agent?.pid ?? 0;
  }

  /** Starts an agent and resolves, with the milliseconds it took, when it answers. */
  async startAgent(): Promise<number> {
    command(`holdfast agent --data-dir ${this.dataDir} --driver raw_exec &`);
    const began = performance.now();
    const log = openSync(this.agentLog, 'a');
    const args = ['agent', '--data-dir', this.dataDir, '--driver', 'raw_exec'];
    const agent = spawn(holdfast, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#agent = agent;
    for (;;) {
      if (agent.exitCode !== null || agent.signalCode !== null) {
        throw new Error(`the agent ended: ${readFileSync(this.agentLog, 'utf8')}`);
      }
      const answered = await this.ask('ps').catch(() => undefined);
      if (answered !== undefined) return performance.now() - began;
      await delay(20);
    }
  }

  async killAgent(): Promise<void> {
    command(`kill -9 ${this.agentPid}`);
    await this.#end('SIGKILL');
  }

  /** The agent's exit code after SIGTERM. */
  async endAgent(): Promise<number | null> {
    command(`kill ${this.agentPid}`);
    return this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const agent = this.#agent;
    if (agent === undefined) return null;
    if (agent.exitCode === null && agent.signalCode === null) {
      const hasEnded = once(agent, 'exit');
      agent.kill(signal);
      await hasEnded;
    }
    return agent.exitCode;
  }

  /** Runs the command and gives its standard output. */
  async ask(...args: string[]): Promise<string> {
    const env = { ...process.env, HOLDFAST_DATA_DIR: this.dataDir };
    return (await run(holdfast, args, { env, maxBuffer: 64 * 1024 * 1024 })).stdout;
  }

  /** The same, shown to the audience. */
  async show(...args: string[]): Promise<string> {
    command(`holdfast ${args.join(' ').replaceAll(`${root}/`, '')}`);
    return this.ask(...args);
  }

  async tasks(): Promise<readonly TaskView[]> {
    return JSON.parse(await this.ask('ps', '--json')) as TaskView[];
  }

  /** Processes that name our directory: the agent and its hosts. */
  processes(): readonly number[] {
    return pidsWhere((pid) => read(`/proc/${pid}/cmdline`).includes(this.dataDir));
  }

  /** Whatever went wrong: nothing of the demo stays behind. */
  clear(): void {
    const mark = `HOLDFAST_MARK=${this.#instanceId()}:`;
    const isOurs = (pid: number): boolean => read(`/proc/${pid}/environ`).includes(mark);
    for (const pid of [...this.processes(), ...pidsWhere(isOurs)]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  #instanceId(): string {
    const text = read(join(this.dataDir, 'state', 'instance.json'));
    return text === '' ? 'none' : (JSON.parse(text) as { instanceId: string }).instanceId;
  }
}

export function isAlive(pid: number): boolean {
  return read(`/proc/${pid}/stat`) !== '';
}

function pidsWhere(isWanted: (pid: number) => boolean): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => pid !== process.pid && isWanted(pid));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
