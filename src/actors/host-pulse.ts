/**
 * A host that lives and does not answer is worse than a dead one: nobody takes its place. Ending a host hurts no task
 * and loses neither an exit status nor a byte, so one that was mute for long enough is ended and replaced.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../errors.ts';
import { signalProcess } from '../os/process-tree.ts';
import type { HostAddress } from '../rpc/address-file.ts';
import { hello } from '../rpc/hello.ts';
import { untilLost } from '../rpc/host-loss.ts';
import type { Host } from '../rpc/spawn-host.ts';

export interface Pulse {
  /** From one question to the next, in milliseconds; so long it may be answered. */
  readonly everyMs: number;
  /** A host that left so many questions in a row without an answer is ended. */
  readonly missedBeats: number;
}

/** The questions of a minute are left unanswered before a host is ended: a machine that swaps is no host that hangs. */
export const PULSE: Pulse = { everyMs: 15_000, missedBeats: 4 };

/** Asks again and again whether the host answers. Resolves with true when it was ended, with false on abort. */
export async function endWhenMute(
  { channel, address }: Host,
  agent: {
    readonly agentEpoch: number;
    readonly instanceId: string;
    readonly machineEpoch: string;
  },
  { everyMs, missedBeats }: Pulse,
  signal: AbortSignal,
): Promise<boolean> {
  for (let missed = 0; missed < missedBeats;) {
    // One that was not answered has taken its time already.
    if (missed === 0)
      await delay(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return false;
    const answered = await hello(channel, address.kind, agent, everyMs).then(
      () => true,
      // A refusal is an answer too, and a connection that broke is somebody else's business.
      (error: unknown) => !HoldfastError.is(error, 'TIMEOUT'),
    );
    missed = answered ? 0 : missed + 1;
  }
  return endHost(address, agent.machineEpoch);
}

/** Resolves when the host's process has ended, and says how; or when `closing` aborts. */
export async function untilGone(
  host: Host,
  agent: Parameters<typeof endWhenMute>[1] & { readonly pulse?: Pulse },
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
