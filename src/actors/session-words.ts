/** Between what a host says of a session and our words. */
import type { RunRequest } from '../drivers/driver.ts';
import type { SessionCommand } from '../drivers/session.ts';
import { HoldfastError } from '../errors.ts';
import type { SessionEndFacts } from '../machines/task-messages.ts';
import type {
  AttachSessionResponse,
  OpenSessionRequest,
  SessionEnd,
  SessionOutput,
} from '../rpc/gen/holdfast/executor/v1/sessions.ts';

import { toConfinement } from './executor-words.ts';

/** A session's output from a place on, for the one who reads it now. */
export interface SessionReading {
  readonly outputOffset: number;
  readonly inputOffset: number;
  /** Ends with the command, and when its reader left. */
  readonly output: AsyncIterable<SessionOutput>;
  leave(): void;
}

/** Resolves when the host has taken the reader. Errors: those of the call; UNAVAILABLE when the agent closes. */
export async function readingOf(
  parts: AsyncGenerator<AttachSessionResponse, void, undefined>,
  leaving: AbortController,
): Promise<SessionReading> {
  const first = await parts.next();
  const part = first.value?.part;
  if (part?.$case !== 'attached') {
    throw new HoldfastError('UNAVAILABLE', 'the session cannot be read: the agent is closing');
  }
  return { ...part.value, output: outputOf(parts), leave: () => leaving.abort() };
}

async function* outputOf(
  parts: AsyncGenerator<AttachSessionResponse, void, undefined>,
): AsyncGenerator<SessionOutput, void, undefined> {
  for await (const { part } of parts) if (part?.$case === 'output') yield part.value;
}

/** A command as its host is asked for it. */
export function wordsOf(
  { launchKey, mark }: Pick<RunRequest, 'launchKey' | 'mark'>,
  command: SessionCommand,
  cgroup: string,
): Omit<OpenSessionRequest, 'agentEpoch'> {
  const { session, argv, env, cwd, terminal, confinement, container, slot = '' } = command;
  return {
    launchKey,
    session,
    argv: [...argv],
    env: { ...env },
    cwd,
    mark,
    terminal: terminal && { ...terminal },
    slot,
    confinement: container === undefined ? toConfinement(confinement ?? {}, cgroup) : undefined,
    container: container && {
      endpoint: container.endpoint,
      tlsCert: container.tls?.cert ?? '',
      tlsKey: container.tls?.key ?? '',
      tlsCa: container.tls?.ca ?? '',
      containerId: container.containerId,
      user: container.user ?? '',
    },
  };
}

/** How a host tells an end, in the words of the log. */
export function factsOf(end: SessionEnd | undefined): SessionEndFacts {
  const signal = end?.signal === '' ? null : (end?.signal ?? null);
  return {
    exitCode: signal === null ? (end?.exitCode ?? null) : null,
    signal,
    reason: end?.reason ?? '',
  };
}
