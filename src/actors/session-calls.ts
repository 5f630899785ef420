/** Calls about commands beside programs, each to the host that has the command. */
import { HoldfastError } from '../errors.ts';
import type { Channel } from '../rpc/framed-channel.ts';
import { call } from '../rpc/framed-client.ts';
import type { CalledMethod, CallOptions } from '../rpc/method.ts';
import { sessionMethods as service } from '../rpc/session-methods.ts';
import type { PooledHost } from './host-pool.ts';
import type { SessionHosts } from './session-hosts.ts';

export interface SessionCallsDoors {
  readonly hosts: SessionHosts;
  readonly agentEpoch: number;
}

const CALL_DEADLINE_MS = 10_000;

export class SessionCalls {
  readonly #doors: SessionCallsDoors;
  /** Where sessions are: what was written is read for a while after the run is gone and forgotten. */
  readonly #hosts = new Map<string, PooledHost | undefined>();

  constructor(doors: SessionCallsDoors) {
    this.#doors = doors;
  }

  /** From now on it is known where this session is, whatever becomes of its run. */
  standBy(session: string): void {
    this.#hosts.set(session, this.#hosts.get(session));
  }
  letGo(session: string): void {
    this.#hosts.delete(session);
  }

  /** Errors: those of the call, and those of `channelTo`. */
  async call<Request extends { agentEpoch: number; session: string }, Response>(
    launchKey: string,
    method: CalledMethod<Request, Response>,
    request: Omit<Request, 'agentEpoch'>,
    options: CallOptions = { deadlineMs: CALL_DEADLINE_MS },
  ): Promise<Response> {
    const { agentEpoch } = this.#doors;
    const asked = { ...request, agentEpoch } as Request;
    const channel = await this.channelTo(launchKey, asked.session);
    return call(channel, method, asked, options).catch((error: unknown) => {
      if (!HoldfastError.is(error, 'TIMEOUT')) throw error;
      throw new HoldfastError('TIMEOUT', 'the executor host does not answer', { cause: error });
    });
  }

  /** Throws NOT_FOUND when no host has it any more, UNAVAILABLE while the one that had it is being replaced. */
  async channelTo(launchKey: string, session: string): Promise<Channel> {
    const found = await this.#doors.hosts.whereIs(launchKey);
    if (found !== undefined && this.#hosts.has(session)) this.#hosts.set(session, found);
    if (found !== undefined) return found.host.channel;
    const last = this.#hosts.get(session) ?? (await this.#whoHas(session));
    if (last?.isLive === true) return last.host.channel;
    throw new HoldfastError('NOT_FOUND', 'no host has the run any more');
  }

  /** Of a run that no host has any more, and whose host an earlier agent knew: the one that does not deny it. */
  async #whoHas(session: string): Promise<PooledHost | undefined> {
    const { hosts, agentEpoch } = this.#doors;
    if (!this.#hosts.has(session)) return undefined;
    const options = { deadlineMs: CALL_DEADLINE_MS };
    for (const one of hosts.all) {
      const asked = call(one.host.channel, service.waitSession, { agentEpoch, session }, options);
      const has = await asked.then(
        () => true,
        () => false,
      );
      if (has) this.#hosts.set(session, one);
      if (has) return one;
    }
    return undefined;
  }
}
