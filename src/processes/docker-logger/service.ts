import { HoldfastError } from '../../errors.ts';
import { makeBelow } from '../../os/make-below.ts';
import { DOCKER_LOGGER_PROTOCOL, dockerLoggerMethods } from '../../rpc/docker-logger-methods.ts';
import { EpochGuard } from '../../rpc/epoch-guard.ts';
import { framedService } from '../../rpc/framed-server.ts';
import { sessionMethods } from '../../rpc/session-methods.ts';
import type {
  FollowRequest,
  FollowResponse,
  HelloRequest,
  HelloResponse,
  ReleaseRequest,
  ReleaseResponse,
  SettleRequest,
  SettleResponse,
  ShutdownRequest,
  ShutdownResponse,
} from '../../rpc/gen/holdfast/dockerlogger/v1/docker_logger.ts';
import type { HostContext, HostedService } from '../../rpc/host-main.ts';
import { sessionHandlers } from '../sessions/session-handlers.ts';
import { Sessions } from '../sessions/sessions.ts';
import { EngineCommands } from './exec/engine-commands.ts';
import { Following } from './following.ts';

interface Followed {
  readonly request: FollowRequest;
  readonly opened: Promise<Following>;
}

/** DockerLoggerService of one host: which containers it follows, and commands in them. Every call is repeatable. */
export class DockerLogger {
  readonly #context: HostContext;
  readonly #epochs: EpochGuard;
  readonly #runs = new Map<string, Followed>();
  readonly #sessions: Sessions;

  constructor(context: HostContext) {
    this.#context = context;
    this.#sessions = new Sessions(new EngineCommands(context.machineEpoch));
    this.#epochs = new EpochGuard(context.stateDir);
  }

  /** What `runHost` serves. */
  hosted(): HostedService {
    const service = framedService(dockerLoggerMethods, {
      hello: (request) => this.#hello(request),
      follow: (request) => this.#follow(request),
      settle: (request, signal) => this.#settle(request, signal),
      release: (request) => this.#release(request),
      shutdown: (request) => this.#shutdown(request),
    });
    const handlers = sessionHandlers(this.#sessions, this.#context.stateDir);
    const beside = framedService(sessionMethods, handlers);
    return {
      routes: new Map([...service.routes, ...beside.routes]),
      busyWith: () => this.#busyWith(),
      leave: () => this.#leave(),
    };
  }

  #busyWith(): number {
    return this.#runs.size + this.#sessions.living;
  }

  async #leave(): Promise<void> {
    const all = [...this.#runs.values()];
    await Promise.allSettled(all.map(async ({ opened }) => (await opened).leave()));
  }

  #hello(request: HelloRequest): HelloResponse {
    this.#epochs.checkRecorded(request.agentEpoch);
    const { hostId, instanceId, version } = this.#context;
    if (request.instanceId !== instanceId) {
      throw new HoldfastError('PERMISSION_DENIED', 'this host belongs to another instance');
    }
    const launchKeys = [...new Set([...this.#runs.keys(), ...this.#sessions.launchKeys])];
    return { hostId, protocol: DOCKER_LOGGER_PROTOCOL, version, pid: process.pid, launchKeys };
  }

  /** Throws ALREADY_EXISTS for another container under the same key. What it follows with may change. */
  async #follow(request: FollowRequest): Promise<FollowResponse> {
    this.#epochs.checkRecorded(request.agentEpoch);
    const { launchKey, containerId } = request;
    const known = this.#runs.get(launchKey);
    if (known !== undefined && known.request.containerId !== containerId) {
      const message = `another container is followed for run ${launchKey}`;
      throw new HoldfastError('ALREADY_EXISTS', message);
    }
    await (known ?? this.#open(request)).opened;
    // crash point: dockerlogger.follow.opened
    return {};
  }

  #open(request: FollowRequest): Followed {
    makeBelow(this.#context.stateDir, request.dir);
    const report = (message: string): void => this.#context.log('engine-output', { message });
    const followed = { request, opened: Following.open(request, report) };
    this.#runs.set(request.launchKey, followed);
    followed.opened.catch(() => this.#runs.delete(request.launchKey));
    return followed;
  }

  /** Throws NOT_FOUND for a run that is not followed. */
  async #settle(request: SettleRequest, caller: AbortSignal): Promise<SettleResponse> {
    this.#epochs.check(request.agentEpoch);
    const followed = this.#runs.get(request.launchKey);
    if (followed === undefined) {
      throw new HoldfastError('NOT_FOUND', `run ${request.launchKey} is not followed`);
    }
    const following = await followed.opened;
    const signal = AbortSignal.any([caller, AbortSignal.timeout(request.patienceMs)]);
    for (;;) {
      const { isSettled } = following;
      const remarks = following.remarksAfter(request.knownRemarks);
      const { remarksSoFar } = following;
      if (isSettled || remarks.length > 0 || signal.aborted) {
        return { isSettled, remarks, remarksSoFar };
      }
      await following.untilChange(signal);
    }
  }

  /** A run that is not followed is released already. */
  async #release(request: ReleaseRequest): Promise<ReleaseResponse> {
    this.#epochs.check(request.agentEpoch);
    this.#sessions.forgetRun(request.launchKey);
    const followed = this.#runs.get(request.launchKey);
    if (followed === undefined) return {};
    await (await followed.opened).release();
    this.#runs.delete(request.launchKey);
    return {};
  }

  #shutdown(request: ShutdownRequest): ShutdownResponse {
    this.#epochs.check(request.agentEpoch);
    const runs = this.#busyWith();
    if (runs === 0) this.#context.end('shutdown');
    return { runs };
  }
}
