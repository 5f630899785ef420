/**
 * A host that lives and does not answer is worse than a dead one: nobody takes its place. Ending a host hurts no task
 * and loses neither an exit status nor a byte, so one that was mute for long enough is ended and replaced.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../errors.ts';
import { isStopped } from '../os/process-identity.ts';
import { signalProcess } from '../os/process-tree.ts';
import type { Logger } from '../ports.ts';
import type { HostAddress } from '../rpc/address-file.ts';
import { type Greeting, hello } from '../rpc/hello.ts';
import { untilLost } from '../rpc/host-loss.ts';
import type { Host } from '../rpc/spawn-host.ts';

export interface Pulse {
  /** From one look to the next, in milliseconds. A call that has waited for so long makes the next look ask. */
  readonly lookMs: number;
  /** From one question to the next, in looks, while the host answers and no call waits. */
  readonly looksBetween: number;
  /** So many looks after a question that was not answered, the host is ended. */
  readonly mostMissed: number;
  /** The same for one that calls wait for. */
  readonly mostMissedByCalls: number;
}

/**
 * A machine that swaps is no host that hangs: one that nobody waits for has a minute, one that calls wait for 20 s.
 * Looks are counted and not time, so that an agent that stood still itself hears the answers before it judges.
 */
export const PULSE: Pulse = {
  lookMs: 5_000,
  looksBetween: 3,
  mostMissed: 12,
  mostMissedByCalls: 4,
};
const TOLD_AFTER = 2;

interface Asker {
  readonly agentEpoch: number;
  readonly instanceId: string;
  readonly machineEpoch: string;
  readonly logger: Logger;
  readonly onAnswer?: (hostId: string, greeting: Greeting) => void;
}

/** Asks again and again whether the host answers. Resolves with true when it was ended, with false on abort. */
export async function endWhenMute(
  host: Host,
  agent: Asker,
  pulse: Pulse,
  signal: AbortSignal,
): Promise<boolean> {
  const { channel, address } = host;
  const { lookMs, looksBetween, mostMissed, mostMissedByCalls } = pulse;
  let looks = 0;
  let isAsked = false;
  let isAwaited = false;
  const heard = (): void => {
    looks = 0;
    isAsked = false;
    isAwaited = false;
  };
  for (;;) {
    await delay(lookMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return false;
    looks += 1;
    isAwaited ||= channel.waitedMs() >= lookMs;
    if (isAsked && looks >= (isAwaited ? mostMissedByCalls : mostMissed)) {
      return endHost(address, agent.machineEpoch);
    }
    if (isAsked && looks === TOLD_AFTER) tellOfMute(host, agent);
    if (!isAsked && !isAwaited && looks < looksBetween) continue;
    if (!isAsked) looks = 0;
    isAsked = true;
    // Any answer counts, however late it is. A refusal is one too, and a connection that broke is others' business.
    void hello(channel, address.kind, agent, lookMs * mostMissed).then(
      (greeting) => {
        heard();
        agent.onAnswer?.(address.hostId, greeting);
      },
      (error: unknown) => {
        if (!HoldfastError.is(error, 'TIMEOUT')) heard();
      },
    );
  }
}

function tellOfMute({ address }: Host, { logger }: Asker): void {
  const { hostId, kind, pid } = address;
  const remedy = isStopped(pid) ? `it is stopped: kill -CONT ${pid}` : 'it may hang';
  logger.warn({ hostId, kind, pid }, `a host does not answer and will be replaced; ${remedy}`);
}

/** Resolves when the host's process has ended, and says how; or when `closing` aborts. */
export async function untilGone(
  host: Host,
  agent: Asker & { readonly pulse?: Pulse },
  closing: AbortSignal,
): Promise<string> {
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, closing]);
  const ended = endWhenMute(host, agent, agent.pulse ?? PULSE, signal);
  await untilLost(host, agent.machineEpoch, closing);
  gone.abort();
  return (await ended) ? 'it was mute and was ended' : 'the process ended';
}

/** True when the host's process was sent SIGKILL; its pid alone would not do. */
export function endHost(address: HostAddress, machineEpoch: string): boolean {
  return signalProcess(address, machineEpoch, 'SIGKILL');
}
