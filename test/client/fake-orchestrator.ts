/** An orchestrator that only remembers: what the edge is tested against, in process and over a socket. */
import { Observable } from 'rxjs';
import { HoldfastError } from '../../src/errors.ts';
import { assertLogQuery } from '../../src/log-query.ts';
import { history, nomadEvents, why } from '../../src/projections/look-back.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';
import { FakeSession } from './fake-session.ts';
import type * as api from '../../src/api.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';

export const STORE_ID = 'store-of-the-fake';

const NO_NETWORK = { networkMode: 'host', ip: null, ports: [] };

export class FakeOrchestrator implements api.Orchestrator {
  readonly recovery: api.RecoveryReport = {
    events: 3,
    streams: 2,
    head: 3,
    tookMs: 1.5,
    agentEpoch: 2,
    tasks: [{ alloc: 'old', allocId: 'old-1', task: 't', outcome: 'reattached' }],
    damage: { movedTo: '/moved', reason: 'bad page', recovered: 2, lost: null },
  };
  readonly ended = Promise.resolve(undefined);
  readonly calls: string[] = [];
  /** Of every call of `run`. */
  readonly requestIds: (string | undefined)[] = [];
  readonly identities: unknown[] = [];
  /** Before the answer of `run`, when everything is done. */
  beforeAnswer: () => Promise<void> = () => Promise.resolve();
  readonly log: api.PublicEvent[] = [];
  readonly output = new Map<string, api.LogChunk[]>();
  session: FakeSession | undefined;
  readonly samples: api.TaskStats[] = [];
  /** How many events were taken from the log by all iterations. */
  taken = 0;
  closed: string | undefined;
  readonly #allocs = new Map<string, api.AllocView>();
  readonly #changed = new EventTarget();

  add(type: string, more: Partial<api.PublicEvent> = {}): void {
    const position = this.log.length + 1;
    const time = '2026-01-02T03:04:05.678Z';
    const facts = { alloc: null, allocId: null, task: null, run: 0, data: {} };
    this.log.push({ position, storeId: STORE_ID, time, type, ...facts, ...more });
    this.#changed.dispatchEvent(new Event('change'));
  }

  readonly sinks: api.SinkView[] = [];
  /** Of each command, and of each that was refused before. */
  readonly actors: api.Actor[] = [];
  readonly refusals: api.Refusal[] = [];

  as(actor: api.Actor | string): api.Orchestrator {
    this.actors.push(typeof actor === 'string' ? { via: 'library', name: actor } : actor);
    return this;
  }
  noteRefused(refusal: api.Refusal): void {
    this.refusals.push(refusal);
  }

  async agent(): Promise<api.AgentView> {
    const drivers = [{ driver: 'raw_exec', health: 'healthy', message: '' }];
    const ids = { storeId: STORE_ID, instanceId: 'fake', agentEpoch: 2 };
    const facts = {
      head: this.log.length,
      dataDir: '/fake',
      capabilities: [{ name: 'cgroup.kill', isAvailable: false, reason: 'not here' }],
      startsHeld: ['disk-low'],
      outputWaiting: [{ task: 'a/t', since: '2026-01-01T00:00:00.000Z', reason: 'ENOSPC' }],
      drivers,
      sinks: [...this.sinks],
    };
    return { version: '0.0.0', pid: 42, ...ids, ...facts };
  }

  async run(input: GroupSpecInput, options: api.RunOptions = {}): Promise<api.AllocHandle> {
    const spec = validateGroup(input);
    const unknown = spec.tasks.find(({ driver }) => driver !== 'raw_exec');
    if (unknown !== undefined) {
      throw new HoldfastError('DRIVER_UNKNOWN', `there is no driver ${unknown.driver}`);
    }
    const allocId = options.allocId ?? `id-of-${spec.name}`;
    const names = { alloc: spec.name, allocId };
    const tasks = spec.tasks.map(({ name }) => taskView(names, name));
    const times = { createdAt: '2026-01-02T03:04:05.678Z', position: this.log.length };
    const state = { type: spec.type, state: 'running', isLive: true, reason: '' } as const;
    this.#allocs.set(allocId, {
      ...names,
      ...state,
      specHash: 'abc',
      version: 1,
      ...times,
      ...NO_NETWORK,
      tasks,
    });
    this.add('AllocReceived', names);
    for (const { task } of tasks) this.add('TaskStarted', { ...names, task, run: 1 });
    this.requestIds.push(options.requestId);
    this.identities.push(options.identity);
    await this.beforeAnswer();
    return this.alloc(allocId);
  }

  async plan(input: GroupSpecInput, options: api.PlanOptions = {}): Promise<api.GroupPlan> {
    const { name } = validateGroup(input);
    const isMeant = ({ alloc, allocId }: api.AllocView): boolean =>
      options.allocId === undefined ? alloc === name : allocId === options.allocId;
    const found = [...this.#allocs.values()].find(isMeant);
    const none = { beginsAnew: false, changes: [], tasks: [] };
    const change = { kind: 'added', field: 'env.A', after: '"1"', action: 'restart' } as const;
    const tasks = [{ task: 'web', action: 'restart' as const, changes: [change] }];
    return found === undefined
      ? { alloc: name, allocId: null, version: 0, action: 'create', ...none }
      : { alloc: name, allocId: found.allocId, version: 1, action: 'restart', ...none, tasks };
  }

  async alloc(ref: string): Promise<api.AllocHandle> {
    const { allocId, alloc } = await this.inspect(ref);
    const view = (): Promise<api.AllocView> => this.inspect(allocId);
    return {
      allocId,
      alloc,
      view,
      task: (task) => this.#task(allocId, task),
      stop: (options) => this.stop(allocId, options),
      restart: (options) => this.restart(allocId, options),
      resume: () => this.resume(allocId),
      wait: async (options = {}) => {
        await this.#until(() => this.#allocs.get(allocId)?.isLive === false, options.signal);
        return view();
      },
      events: (query) => this.events({ ...query, ref: allocId }),
    };
  }

  #task(allocId: string, task: string): api.TaskHandle {
    const ref = `${allocId}/${task}`;
    const view = async (): Promise<api.TaskView> => {
      const found = (await this.inspect(ref)).tasks.find((one) => one.task === task);
      if (found === undefined) throw new HoldfastError('NOT_FOUND', `there is no task ${ref}`);
      return found;
    };
    return {
      allocId,
      task,
      view,
      signal: (signal) => this.signal(ref, signal),
      restart: () => this.restart(ref),
      resume: () => this.resume(ref),
      logs: (query) => this.logs(ref, query),
      exec: (argv, options) => this.exec(ref, argv, options),
      stats: (query) => this.stats(ref, query),
      env: () => this.env(ref),
      nomadEvents: (options) => nomadEvents(this, ref, options),
      wait: async (options = {}) => {
        await this.#until(() => this.#allocs.get(allocId)?.isLive === false, options.signal);
        return view();
      },
    };
  }

  async allocs(options: { all?: boolean } = {}): Promise<readonly api.AllocView[]> {
    return [...this.#allocs.values()].filter(({ isLive }) => isLive || options.all === true);
  }

  gcReport: api.GcReport = { entries: [], diskPercent: 12.5, inodePercent: 1 };

  async gc(options: api.GcOptions = {}): Promise<api.GcReport> {
    this.calls.push(`gc ${options.ref ?? '-'} ${options.all ?? false} ${options.dryRun ?? false}`);
    if (options.ref !== undefined) await this.inspect(options.ref);
    return this.gcReport;
  }

  history(ref: string): Promise<readonly api.HistoryEntry[]> {
    return history(this, ref);
  }

  why(ref: string): Promise<readonly api.WhyChain[]> {
    return why(this, ref);
  }

  variables: readonly api.EnvVariable[] = [];

  async env(ref: string): Promise<api.TaskEnvView> {
    const [task] = (await this.inspect(ref)).tasks;
    const { alloc = '', allocId = '', task: name = '' } = task ?? {};
    const facts = { run: 1, position: this.log.length, problems: ['env.A: no'] };
    return { alloc, allocId, task: name, variables: this.variables, ...facts };
  }

  healthOfAll: api.HealthView = { services: [], checks: [] };

  async health(ref?: string): Promise<api.HealthView> {
    if (ref !== undefined) await this.inspect(ref);
    return this.healthOfAll;
  }

  counted: readonly api.CountView[] = [];

  async counts(): Promise<readonly api.CountView[]> {
    return this.counted;
  }

  async inspect(ref: string, options: { at?: number } = {}): Promise<api.AllocView> {
    const [name = '', task] = ref.split('/');
    const found = [...this.#allocs.values()].filter(
      ({ alloc, allocId }) => alloc === name || allocId.startsWith(name),
    );
    const [view] = found;
    if (found.length > 1) {
      const matches = found.map(({ allocId }) => allocId);
      throw new HoldfastError('AMBIGUOUS', `${ref} may be ${matches.join(' or ')}`, {
        details: { matches },
      });
    }
    if (view === undefined || (task && !view.tasks.some((one) => one.task === task))) {
      throw new HoldfastError('NOT_FOUND', `there is nothing called ${ref}`);
    }
    return options.at === undefined ? view : { ...view, position: options.at };
  }

  async stop(ref: string, options: api.StopOptions = {}): Promise<api.AllocView> {
    if (options.shutdownDelay === 'skip') this.calls.push(`hurry ${ref}`);
    return this.end(ref, 'stopped', null, options.reason ?? '');
  }

  /** Lets every task of an alloc end. */
  async end(
    ref: string,
    state: 'stopped' | 'complete' | 'failed',
    exitCode: number | null,
    reason = '',
  ): Promise<api.AllocView> {
    const view = await this.inspect(ref);
    const tasks = view.tasks.map((task): api.TaskView => {
      const end = { pid: null, exitCode, failed: state === 'failed', nomadState: 'dead' } as const;
      return { ...task, state, ...end, finishedAt: '2026-01-02T03:04:06.000Z' };
    });
    const ended = { ...view, state, isLive: false, reason, tasks };
    this.#allocs.set(view.allocId, ended);
    this.add('AllocStopped', { alloc: view.alloc, allocId: view.allocId });
    return ended;
  }

  async restart(ref: string, options: api.RestartOptions = {}): Promise<void> {
    await this.inspect(ref);
    this.calls.push(options.tasks === 'all' ? `restart all of ${ref}` : `restart ${ref}`);
  }

  async resume(ref: string): Promise<void> {
    await this.inspect(ref);
    this.calls.push(`resume ${ref}`);
  }

  async signal(ref: string, signal: string): Promise<void> {
    await this.inspect(ref);
    this.calls.push(`signal ${ref} ${signal}`);
  }

  async *logs(ref: string, query: api.LogQuery = {}): AsyncGenerator<api.LogChunk, void> {
    assertLogQuery(query);
    const { signal: _signal, ...asked } = query;
    this.calls.push(`logs ${JSON.stringify(asked)}`);
    const [name = ''] = ref.split('/');
    const { alloc, tasks } = await this.inspect(ref);
    const task = ref.split('/')[1] ?? tasks[0]?.task;
    const chunks = this.output.get(`${name === '' ? '' : alloc}/${task}`) ?? [];
    for (const chunk of chunks) {
      if (query.stream === 'stdout' && chunk.stream !== 'stdout') continue;
      if (query.stream === 'stderr' && chunk.stream !== 'stderr') continue;
      if (query.after !== undefined && Number(chunk.cursor) <= Number(query.after)) continue;
      yield chunk;
    }
    if (query.follow === true) await this.#until(() => false, query.signal).catch(() => undefined);
  }

  async exec(
    ref: string,
    argv: readonly string[],
    { signal: _signal, ...options }: api.ExecOptions = {},
  ): Promise<api.ExecSession> {
    const { allocId, tasks } = await this.inspect(ref);
    if (argv[0] === 'nothing') throw new HoldfastError('COMMAND_NOT_FOUND', 'no such command');
    this.calls.push(`exec ${ref} ${JSON.stringify([argv, options])}`);
    this.session = new FakeSession(allocId, tasks[0]?.task ?? '');
    return this.session;
  }

  async attach(session: string, { after }: api.AttachOptions = {}): Promise<api.ExecSession> {
    this.calls.push(`attach ${session} ${after}`);
    if (this.session?.id === session) return this.session;
    throw new HoldfastError('NOT_FOUND', `no session ${session} is open`);
  }

  async *stats(ref?: string, query: api.StatsQuery = {}): AsyncGenerator<api.TaskStats, void> {
    if (ref !== undefined) await this.inspect(ref);
    const { intervalMs, processes } = query;
    this.calls.push(`stats ${ref} ${intervalMs} ${processes}`);
    yield* this.samples;
    if (ref === undefined) await this.#until(() => false, query.signal).catch(() => undefined);
  }

  async *events(query: api.EventQuery = {}): AsyncGenerator<api.PublicEvent, void> {
    const head = this.log.length;
    let position = query.after === 'now' ? head : (query.after ?? 0);
    if (position > head) {
      throw new HoldfastError('POSITION_AHEAD', `the head is ${head}`, {
        details: { head, storeId: STORE_ID },
      });
    }
    for (;;) {
      if (query.signal?.aborted === true) return;
      if (query.until === 'head' && position >= head) return;
      const event = this.log[position];
      if (event === undefined) {
        const seen = position;
        await this.#until(() => this.log.length > seen, query.signal).catch(() => undefined);
        continue;
      }
      position += 1;
      this.taken += 1;
      const isMeant =
        query.ref === undefined || event.allocId === query.ref || event.alloc === query.ref;
      if (isMeant && (query.types?.includes(event.type) ?? true)) yield event;
    }
  }

  events$(query: api.EventQuery = {}): Observable<api.PublicEvent> {
    return new Observable((subscriber) => {
      const left = new AbortController();
      void (async () => {
        for await (const event of this.events({ ...query, signal: left.signal })) {
          subscriber.next(event);
        }
        subscriber.complete();
      })();
      return () => left.abort();
    });
  }

  async close(options: { tasks?: 'stop' | 'leave' } = {}): Promise<void> {
    this.closed ??= options.tasks ?? 'stop';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #until(holds: () => boolean, signal?: AbortSignal): Promise<void> {
    while (!holds()) {
      if (signal?.aborted === true) throw new HoldfastError('ABORTED', 'aborted');
      await new Promise<void>((resolve) => {
        this.#changed.addEventListener('change', () => resolve(), { once: true });
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
}

function taskView(names: { alloc: string; allocId: string }, task: string): api.TaskView {
  const now = {
    state: 'running',
    nomadState: 'running',
    failed: false,
    run: 1,
    pid: 4182,
  } as const;
  const ends = {
    exitCode: null,
    signal: null,
    oomKilled: false,
    finishedAt: null,
    nextStartAt: null,
  };
  const network = { ip: '172.17.0.2', ports: { web: 80 }, isAdvertised: true };
  const more = {
    network,
    restarts: 0,
    startedAt: '2026-01-02T03:04:05.678Z',
    reason: '',
    position: 2,
  };
  return { ...names, task, driver: 'raw_exec', ...now, ...ends, ...more };
}
