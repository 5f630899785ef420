/** Between sessions of `api.ts` and the messages of exec.proto, both ways. */
import type { ExecChunk, ExecExit, ExecOptions } from '../api.ts';
import type {
  ExecEnded,
  ExecOpen,
  ExecOutput,
  ExecRequest,
  ExecResponse,
} from '../rpc/gen/holdfast/agent/v1/exec.ts';

/** What one message says, to be sent. */
export function toRequest(part: NonNullable<ExecRequest['part']>): ExecRequest {
  return { part };
}
export function toResponse(part: NonNullable<ExecResponse['part']>): ExecResponse {
  return { part };
}

export function toOpen(ref: string, argv: readonly string[], options: ExecOptions): ExecOpen {
  const { env = {}, user = '', cwd = '', terminal, actor = '' } = options;
  return {
    ref,
    argv: [...argv],
    env: { ...env },
    user,
    cwd,
    terminal: terminal && { ...terminal },
    actor,
  };
}

export function fromOpen({ env, user, cwd, terminal, actor }: ExecOpen): ExecOptions {
  return {
    env,
    actor,
    ...(user === '' ? {} : { user }),
    ...(cwd === '' ? {} : { cwd }),
    ...(terminal === undefined ? {} : { terminal }),
  };
}

export function toOutput({ stream, data, offset }: ExecChunk): ExecOutput {
  return { isStderr: stream === 'stderr', data: Buffer.from(data), offset };
}
export function fromOutput({ isStderr, data, offset }: ExecOutput): ExecChunk {
  return { stream: isStderr ? 'stderr' : 'stdout', data, offset };
}

export function toEnded({ exitCode, signal, reason }: ExecExit): ExecEnded {
  return { exitCode: exitCode ?? undefined, signal: signal ?? undefined, reason };
}
export function fromEnded({ exitCode, signal, reason }: ExecEnded): ExecExit {
  return { exitCode: exitCode ?? null, signal: signal ?? null, reason };
}
