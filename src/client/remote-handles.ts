/** Handles over a socket. They hold ids only; what they are asked is asked of the agent. */
import { HoldfastError } from '../errors.ts';
import { AgentServiceService as agent } from '../rpc/gen/holdfast/agent/v1/agent.ts';
import { fromAlloc, fromTask } from '../server/convert.ts';
import type * as api from '../api.ts';
import type { Abortable } from '../ports.ts';
import type { RemoteOrchestrator } from './remote-orchestrator.ts';

/** Told from events, here as there; loaded when it is asked for, for the charts come with it. */
export const lookBack = () => import('../projections/look-back.ts');

export class RemoteAlloc implements api.AllocHandle {
  readonly allocId: string;
  readonly alloc: string;
  readonly #remote: RemoteOrchestrator;

  constructor(remote: RemoteOrchestrator, allocId: string, alloc: string) {
    this.#remote = remote;
    this.allocId = allocId;
    this.alloc = alloc;
  }

  task(name: string): api.TaskHandle {
    return new RemoteTask(this.#remote, this.allocId, name);
  }
  view(): Promise<api.AllocView> {
    return this.#remote.inspect(this.allocId);
  }
  stop(options: api.StopOptions = {}): Promise<api.AllocView> {
    return this.#remote.stop(this.allocId, options);
  }
  restart(options?: api.RestartOptions): Promise<void> {
    return this.#remote.restart(this.allocId, options);
  }
  resume(): Promise<void> {
    return this.#remote.resume(this.allocId);
  }
  async wait(options: Abortable = {}): Promise<api.AllocView> {
    const request = { allocId: this.allocId, task: '' };
    const { ended } = await this.#remote.call(agent.wait, request, options);
    if (ended?.$case === 'alloc') return fromAlloc(ended.value);
    throw new HoldfastError('INTERNAL', 'the agent answered for a task, not for the alloc');
  }
  events(query: Omit<api.EventQuery, 'ref'> = {}): AsyncIterable<api.PublicEvent> {
    return this.#remote.events({ ...query, ref: this.allocId });
  }
}

class RemoteTask implements api.TaskHandle {
  readonly allocId: string;
  readonly task: string;
  readonly #remote: RemoteOrchestrator;
  readonly #ref: string;

  constructor(remote: RemoteOrchestrator, allocId: string, task: string) {
    this.#remote = remote;
    this.allocId = allocId;
    this.task = task;
    this.#ref = `${allocId}/${task}`;
  }

  async view(): Promise<api.TaskView> {
    const { tasks } = await this.#remote.inspect(this.#ref);
    const view = tasks.find(({ task }) => task === this.task);
    if (view !== undefined) return view;
    throw new HoldfastError('NOT_FOUND', `there is no task ${this.#ref}`);
  }
  signal(signal: string): Promise<void> {
    return this.#remote.signal(this.#ref, signal);
  }
  restart(): Promise<void> {
    return this.#remote.restart(this.#ref);
  }
  resume(): Promise<void> {
    return this.#remote.resume(this.#ref);
  }
  logs(query: api.LogQuery = {}): AsyncIterable<api.LogChunk> {
    return this.#remote.logs(this.#ref, query);
  }
  stats(query: api.StatsQuery = {}): AsyncIterable<api.TaskStats> {
    return this.#remote.stats(this.#ref, query);
  }
  exec(argv: readonly string[], options?: api.ExecOptions): Promise<api.ExecSession> {
    return this.#remote.exec(this.#ref, argv, options);
  }
  env(): Promise<api.TaskEnvView> {
    return this.#remote.env(this.#ref);
  }
  async nomadEvents(options?: { all?: boolean }): Promise<readonly api.NomadTaskEvent[]> {
    return (await lookBack()).nomadEvents(this.#remote, this.#ref, options);
  }
  async wait(options: Abortable = {}): Promise<api.TaskView> {
    const request = { allocId: this.allocId, task: this.task };
    const { ended } = await this.#remote.call(agent.wait, request, options);
    if (ended?.$case === 'task') return fromTask(ended.value);
    throw new HoldfastError('INTERNAL', 'the agent answered for the alloc, not for a task');
  }
}
