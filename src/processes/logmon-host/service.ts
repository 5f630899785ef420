import { setTimeout as delay } from 'node:timers/promises';

import { HoldfastError, messageOf } from '../../errors.ts';
import { EpochGuard } from '../../rpc/epoch-guard.ts';
import { framedService } from '../../rpc/framed-server.ts';
import {
  CollectResponse_Way,
  type CollectRequest,
  type CollectResponse,
  type DrainRequest,
  type DrainResponse,
  type HelloRequest,
  type HelloResponse,
  type ReleaseRequest,
  type ReleaseResponse,
  type ShutdownRequest,
  type ShutdownResponse,
} from '../../rpc/gen/holdfast/logmon/v1/logmon.ts';
import type { HostContext, HostedService } from '../../rpc/host-main.ts';
import { LOGMON_PROTOCOL, logmonMethods } from '../../rpc/logmon-methods.ts';
import { purgesPath } from '../../output/purges.ts';
import { Collection, type Premises } from './collection.ts';
import { PipeBudget } from './fifo.ts';
import { Pump } from './pump.ts';
import { openWorkshop } from './workshop.ts';

/** A host that ends has its last files compressed: nobody opens those of a task that is over again. */
const PACKING_PATIENCE_MS = 3_000;

/** An agent that still wants it asks again sooner than this. */
const LATE_LOOK_MS = 5_000;

interface Collecting {
  readonly request: CollectRequest;
  /** Resolved once both FIFOs are open. */
  readonly opened: Promise<Collection>;
  /** Set when it is. */
  collection?: Collection;
  /** Set by Release, so that a repeated one waits for the first. */
  released?: Promise<void>;
  /** The task is over and what it wrote waits for room: set by a Release, taken back by a Collect. */
  over?: object;
}

/** LogmonService of one host: which tasks it collects for, and the five calls about them. Every call is repeatable. */
export class LogmonHost {
  readonly #context: HostContext;
  readonly #premises: Premises;
  readonly #epochs: EpochGuard;
  readonly #tasks = new Map<string, Collecting>();

  constructor(context: HostContext) {
    this.#context = context;
    this.#epochs = new EpochGuard(context.stateDir);
    const report = (line: string): void => context.log('output', { message: line });
    const shop = openWorkshop(purgesPath(context.stateDir), report);
    this.#premises = { pump: new Pump(), pipes: new PipeBudget(), shop };
  }

  /** What `runHost` serves. */
  hosted(): HostedService {
    const service = framedService(logmonMethods, {
      hello: (request) => this.#hello(request),
      collect: (request, signal) => this.#collect(request, signal),
      drain: (request, signal) => this.#drain(request, signal),
      release: (request, signal) => this.#release(request, signal),
      shutdown: (request) => this.#shutdown(request),
    });
    return { ...service, busyWith: () => this.#tasks.size, leave: () => this.#leave() };
  }

  /** What was not moved yet stays in the FIFOs, which the executor hosts hold open. */
  async #leave(): Promise<void> {
    const all = [...this.#tasks.values()];
    await Promise.allSettled(all.map(async ({ opened }) => (await opened).close()));
    const { packer, budget } = this.#premises.shop;
    budget.close();
    await packer.finish(PACKING_PATIENCE_MS);
  }

  #hello(request: HelloRequest): HelloResponse {
    this.#epochs.checkRecorded(request.agentEpoch);
    const { hostId, instanceId, version } = this.#context;
    if (request.instanceId !== instanceId) {
      throw new HoldfastError('PERMISSION_DENIED', 'this host belongs to another instance');
    }
    const { pid } = process;
    return {
      hostId,
      protocol: LOGMON_PROTOCOL,
      version,
      pid,
      tasks: this.#tasks.size,
      taskKeys: [...this.#tasks.keys()],
      waiting: [...this.#tasks].flatMap(([taskKey, { collection }]) => {
        const waiting = collection?.waiting;
        return waiting === undefined ? [] : [{ taskKey, ...waiting }];
      }),
    };
  }

  /** Throws ALREADY_EXISTS for other files under the same key, and what draining and opening throw. */
  async #collect(request: CollectRequest, signal: AbortSignal): Promise<CollectResponse> {
    this.#epochs.checkRecorded(request.agentEpoch);
    assertUsable(request);
    const known = this.#tasks.get(request.taskKey);
    if (known?.released !== undefined) {
      await known.released;
      return this.#collect(request, signal);
    }
    if (known !== undefined) assertSamePlace(known.request, request);
    if (known !== undefined) delete known.over;
    const { opened } = known ?? this.#open(request);
    const collection = await opened;
    const isToBegin =
      collection.isLeftBehind(request) || !isAlike(known?.request ?? request, request);
    if (known !== undefined && isToBegin) {
      // Programs keep the FIFOs open meanwhile, and wait at most.
      await this.#end(known, collection, signal);
      return this.#collect(request, signal);
    }
    collection.beginRun(request.run);
    this.#premises.shop.budget.set(request.budgetBytes, request.logsRoot);
    const { way } = collection;
    // crash point: logmon.collect.opened
    return { way: way === 'splice' ? CollectResponse_Way.SPLICE : CollectResponse_Way.COPY };
  }

  #open(request: CollectRequest): Collecting {
    const opened = Collection.open(request, this.#premises);
    const collecting: Collecting = { request, opened };
    this.#tasks.set(request.taskKey, collecting);
    opened.then(
      (collection) => (collecting.collection = collection),
      () => this.#tasks.delete(request.taskKey),
    );
    return collecting;
  }

  /** Throws NOT_FOUND for a task that is not collected for, and what `Collection.drain` throws. */
  async #drain(request: DrainRequest, signal: AbortSignal): Promise<DrainResponse> {
    this.#epochs.check(request.agentEpoch);
    const collecting = this.#tasks.get(request.taskKey);
    if (collecting === undefined) {
      throw new HoldfastError('NOT_FOUND', `nothing is collected for ${request.taskKey}`);
    }
    return (await collecting.opened).drain(signal);
  }

  /** A task that is not collected for is released already. Throws what `Collection.drain` throws, and goes on then. */
  async #release(request: ReleaseRequest, signal: AbortSignal): Promise<ReleaseResponse> {
    this.#epochs.check(request.agentEpoch);
    const collecting = this.#tasks.get(request.taskKey);
    if (collecting === undefined) return {};
    const collection = await collecting.opened;
    // crash point: logmon.release.asked
    try {
      await this.#end(collecting, collection, signal);
    } catch (error) {
      void this.#endLater(collecting, collection);
      throw error;
    }
    return {};
  }

  /** Whoever asked may not ask again: what waits is written when there is room, and nothing is kept for it then. */
  async #endLater(collecting: Collecting, collection: Collection): Promise<void> {
    const over = (collecting.over = {});
    do await delay(LATE_LOOK_MS, undefined, { ref: false });
    while (collecting.over === over && collecting.released === undefined && !collection.isDry);
    if (collecting.over !== over || collecting.released !== undefined) return;
    collection.removeFifos(collecting.request);
    collecting.released = this.#close(collecting.request.taskKey, collection);
    await collecting.released.catch((error: unknown) =>
      this.#context.log('output', { message: messageOf(error) }),
    );
  }

  async #end(collecting: Collecting, collection: Collection, signal: AbortSignal): Promise<void> {
    if (collecting.released === undefined) await collection.drain(signal);
    // crash point: logmon.release.drained
    collecting.released ??= this.#close(collecting.request.taskKey, collection);
    await collecting.released;
  }

  async #close(taskKey: string, collection: Collection): Promise<void> {
    try {
      await collection.close();
    } finally {
      this.#tasks.delete(taskKey);
    }
  }

  #shutdown(request: ShutdownRequest): ShutdownResponse {
    this.#epochs.check(request.agentEpoch);
    const tasks = this.#tasks.size;
    if (tasks === 0) this.#context.end('shutdown');
    return { tasks };
  }
}

function assertUsable(request: CollectRequest): void {
  const { maxFiles, maxFileBytes, fileStem } = request;
  if (maxFiles >= 1 && maxFileBytes >= 1 && fileStem !== '' && !fileStem.includes('/')) return;
  throw new HoldfastError(
    'SPEC_INVALID',
    'maxFiles and maxFileBytes begin at 1, a stem is a name',
    {
      details: { maxFiles, maxFileBytes, fileStem },
    },
  );
}

/** Every run asks again, and so does every agent, with a budget of its own. */
/** Throws ALREADY_EXISTS for another place; how it is collected may change, as the group of a task may. */
function assertSamePlace(known: CollectRequest, request: CollectRequest): void {
  const alike = { ...request, ...mannerOf(known), agentEpoch: known.agentEpoch };
  if (JSON.stringify(known) === JSON.stringify(alike)) return;
  throw new HoldfastError('ALREADY_EXISTS', `${request.taskKey} is collected in another way`, {
    details: { known, request },
  });
}

function isAlike(known: CollectRequest, request: CollectRequest): boolean {
  const { run, budgetBytes } = known;
  const limits = mannerOf({ ...request, run, budgetBytes });
  return JSON.stringify(mannerOf(known)) === JSON.stringify(limits);
}

/** All that may be another one while the task lives. */
function mannerOf({
  run,
  budgetBytes,
  maxFiles,
  maxFileBytes,
  compress,
  dropWhenFull,
}: CollectRequest): Partial<CollectRequest> {
  return { run, budgetBytes, maxFiles, maxFileBytes, compress, dropWhenFull };
}
