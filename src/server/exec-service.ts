/** Commands beside tasks over a socket: one call is one reader of one session. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { ExecSession, Orchestrator } from '../api.ts';
import { HoldfastError } from '../errors.ts';
import type {
  ExecRequest,
  ExecResponse,
  ExecServiceServer,
} from '../rpc/gen/holdfast/agent/v1/exec.ts';
import { drained } from '../rpc/grpc-answer.ts';
import { toStatus } from '../rpc/grpc-status.ts';
import type { Acting } from './acting.ts';
import { fromOpen, toEnded, toOutput, toResponse } from './exec-messages.ts';

type Call = ServerDuplexStream<ExecRequest, ExecResponse>;
type Part = NonNullable<ExecRequest['part']>;

const HEARTBEAT_MS = 10_000;

export function execHandlers(acting: Acting): ExecServiceServer {
  return {
    exec: (call) => {
      const conversation = new Conversation(acting(call), call);
      call.on('data', ({ part }: ExecRequest) => {
        if (part !== undefined) conversation.hear(part);
      });
      call.on('end', () => conversation.ended());
      call.on('cancelled', () => conversation.left());
    },
  };
}

/** A caller that goes away leaves the session alone: he, or another, may come back. */
class Conversation {
  readonly #orchestrator: Orchestrator;
  readonly #call: Call;
  readonly #gone = new AbortController();
  #session: Promise<ExecSession> | undefined;
  #lastInput: Promise<unknown> = Promise.resolve();
  #heartbeat: NodeJS.Timeout | undefined;
  /** The caller says nothing more, which he does when he has everything. */
  readonly #callerEnded = Promise.withResolvers<void>();

  constructor(orchestrator: Orchestrator, call: Call) {
    this.#orchestrator = orchestrator;
    this.#call = call;
  }

  hear(part: Part): void {
    if (this.#session === undefined) {
      this.#session = this.#begin(part);
      void this.#serve(this.#session);
      return;
    }
    void this.#session.then((session) => this.#obey(session, part)).catch(() => undefined);
  }

  async #begin(part: Part): Promise<ExecSession> {
    const options = { takesByWord: true };
    if (part.$case === 'open') {
      const { ref, argv } = part.value;
      return this.#orchestrator.exec(ref, argv, { ...fromOpen(part.value), ...options });
    }
    if (part.$case === 'attach') {
      const { session, after } = part.value;
      const from = after === undefined ? {} : { after };
      return this.#orchestrator.attach(session, { ...from, ...options });
    }
    throw new HoldfastError('USAGE', 'the first message says which command it is about');
  }

  async #serve(opening: Promise<ExecSession>): Promise<void> {
    try {
      const session = await opening;
      const { id, allocId, task, inputOffset } = session;
      if (this.#gone.signal.aborted) return await session.detach();
      this.#say({ $case: 'opened', value: { session: id, allocId, task, inputOffset } });
      const beat = (): void => void this.#say({ $case: 'heartbeat', value: {} });
      this.#heartbeat = setInterval(beat, HEARTBEAT_MS);
      await this.#pass(session);
      if (this.#gone.signal.aborted) return await session.detach();
      this.#say({ $case: 'ended', value: toEnded(await session.exit) });
      // The caller tells first what he has taken.
      await this.#callerEnded.promise;
      this.#call.end();
    } catch (error) {
      this.#call.emit('error', Object.assign(new Error('failed'), toStatus(error)));
    } finally {
      clearInterval(this.#heartbeat);
    }
  }

  async #pass(session: ExecSession): Promise<void> {
    for await (const chunk of session.output) {
      if (this.#gone.signal.aborted) return;
      const isRoom = this.#say({ $case: 'output', value: toOutput(chunk) });
      if (!isRoom) await drained(this.#call, this.#gone.signal);
    }
  }

  #say(part: NonNullable<ExecResponse['part']>): boolean {
    return this.#call.write(toResponse(part));
  }

  async #obey(session: ExecSession, part: Part): Promise<void> {
    switch (part.$case) {
      case 'input':
        return this.#input(session, part.value);
      case 'taken':
        return session.take(part.value.offset);
      case 'resize':
        return session.resize(part.value);
      case 'signal':
        return session.signal(part.value);
      case 'close':
        return session[Symbol.asyncDispose]();
      default:
        return undefined;
    }
  }

  /** In order; each is answered when the command has it, and callers wait for that. */
  #input(
    session: ExecSession,
    { data, closes }: { data: Uint8Array; closes: boolean },
  ): Promise<void> {
    const written = this.#lastInput.then(async () => {
      try {
        if (data.length > 0) await session.write(data);
        if (closes) await session.end();
      } finally {
        this.#say({ $case: 'inputTaken', value: { offset: data.length } });
      }
    });
    this.#lastInput = written.catch(() => undefined);
    return written;
  }

  ended(): void {
    this.#callerEnded.resolve();
  }

  left(): void {
    this.#gone.abort();
    this.#callerEnded.resolve();
    void this.#session?.then((session) => session.detach()).catch(() => undefined);
  }
}
