/** One session over as many agents as it takes: when one ends, the next is asked for it. */
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../errors.ts';
import { agentIfAny } from './find-agent.ts';
import { say } from './output.ts';
import type { ExecChunk, ExecExit, ExecSession, Orchestrator, TerminalSize } from '../api.ts';

/** As long as a host keeps a session that nobody reads. */
const COME_BACK_MS = 30_000;
const LOOK_AGAIN_MS = 100;

export class ExecRelay implements AsyncDisposable {
  readonly #dataDir: string;
  #agent: Orchestrator;
  #session: ExecSession;
  /** Under way while there is no agent. */
  #returning: Promise<ExecSession> | undefined;
  /** Of what the command wrote and was printed. */
  #offset: number | undefined;
  /** Of what was typed and taken. */
  #written: number;
  /** What the command was last told, or would have been: an agent that ends may take it along. */
  #size: TerminalSize | undefined;
  #isOver = false;

  constructor(dataDir: string, agent: Orchestrator, session: ExecSession) {
    this.#dataDir = dataDir;
    this.#agent = agent;
    this.#session = session;
    this.#written = session.inputOffset;
  }

  /** Everything that the command writes, once, and how it ended. */
  async pass(onChunk: (chunk: ExecChunk) => Promise<void>): Promise<ExecExit> {
    for (;;) {
      const session = this.#session;
      try {
        for await (const chunk of session.output) {
          await onChunk(chunk);
          this.#offset = chunk.offset;
        }
        const exit = await session.exit;
        this.#isOver = true;
        return exit;
      } catch (error) {
        await this.#after(session, error);
      }
    }
  }

  /** In order, and each byte once, whichever agent takes it. */
  async write(data: Buffer): Promise<void> {
    let session = this.#session;
    let rest = data;
    for (let at = this.#written; ;) {
      try {
        if (this.#isOver) return;
        await session.write(rest);
        this.#written += rest.length;
        return;
      } catch (error) {
        session = await this.#after(session, error);
        rest = rest.subarray(session.inputOffset - at);
        at = session.inputOffset;
        this.#written = at;
      }
    }
  }

  end(): Promise<void> {
    return this.#ask((session) => session.end());
  }
  resize(size: TerminalSize): Promise<void> {
    this.#size = size;
    return this.#ask((session) => session.resize(size));
  }
  signal(signal: string): Promise<void> {
    return this.#ask((session) => session.signal(signal));
  }
  /** Hangs up. */
  close(): Promise<void> {
    return this.#ask((session) => session[Symbol.asyncDispose]());
  }

  async #ask(what: (session: ExecSession) => Promise<void>): Promise<void> {
    for (let session = this.#session; ;) {
      try {
        return await what(session);
      } catch (error) {
        if (this.#isOver) return;
        session = await this.#after(session, error);
      }
    }
  }

  /** The session as the next agent has it. Throws the error itself when it is no loss of an agent. */
  async #after(lost: ExecSession, error: unknown): Promise<ExecSession> {
    if (!HoldfastError.is(error, 'UNAVAILABLE') && !HoldfastError.is(error, 'CLOSED')) throw error;
    if (this.#session !== lost) return this.#session;
    this.#returning ??= this.#comeBack(lost.id, error).finally(() => (this.#returning = undefined));
    return this.#returning;
  }

  async #comeBack(id: string, lost: HoldfastError): Promise<ExecSession> {
    say('holdfast: the agent is gone; the command goes on, waiting for the next agent');
    const deadline = Date.now() + COME_BACK_MS;
    await this.#agent.close();
    while (Date.now() < deadline) {
      await delay(LOOK_AGAIN_MS);
      try {
        const agent = await agentIfAny(this.#dataDir);
        if (agent === undefined) continue;
        this.#agent = agent;
        const after = this.#offset === undefined ? {} : { after: this.#offset };
        const session = await agent.attach(id, after);
        if (this.#size !== undefined) await session.resize(this.#size);
        this.#session = session;
        return session;
      } catch (error) {
        const isPassing = HoldfastError.is(error) && (error.retryable || error.code === 'CLOSED');
        if (!isPassing) throw error;
      }
    }
    throw lost;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.close();
  }
}
