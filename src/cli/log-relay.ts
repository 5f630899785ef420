/** The output of tasks over as many agents as it takes: when one ends, the next is asked to go on. */
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../errors.ts';
import { agentIfAny } from './find-agent.ts';
import { say } from './output.ts';
import type { LogChunk, LogQuery, Orchestrator } from '../api.ts';

const COME_BACK_MS = 30_000;
const LOOK_AGAIN_MS = 100;

export class LogRelay implements AsyncDisposable {
  readonly #dataDir: string;
  #agent: Orchestrator;
  /** Under way while there is no agent. */
  #returning: Promise<void> | undefined;

  constructor(dataDir: string, agent: Orchestrator) {
    this.#dataDir = dataDir;
    this.#agent = agent;
  }

  /** What `logs` gives; a follower hears nothing of a change of agents but that it took a while. */
  async *logs(ref: string, query: LogQuery): AsyncGenerator<LogChunk, void, undefined> {
    for (let rest = query; ;) {
      const agent = this.#agent;
      try {
        for await (const chunk of agent.logs(ref, rest)) {
          rest = behind(query, chunk);
          yield chunk;
        }
        return;
      } catch (error) {
        if (query.follow !== true || !isLoss(error)) throw error;
        if (this.#agent === agent) {
          this.#returning ??= this.#comeBack(error).finally(() => (this.#returning = undefined));
          await this.#returning;
        }
      }
    }
  }

  async #comeBack(lost: HoldfastError): Promise<void> {
    say('holdfast: the agent is gone; the output goes on being kept, waiting for the next agent');
    const deadline = Date.now() + COME_BACK_MS;
    await this.#agent.close();
    while (Date.now() < deadline) {
      await delay(LOOK_AGAIN_MS);
      try {
        const agent = await agentIfAny(this.#dataDir);
        if (agent === undefined) continue;
        this.#agent = agent;
        return;
      } catch (error) {
        if (!HoldfastError.is(error) || !(error.retryable || error.code === 'CLOSED')) throw error;
      }
    }
    throw lost;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.close();
  }
}

function isLoss(error: unknown): error is HoldfastError {
  return HoldfastError.is(error, 'UNAVAILABLE') || HoldfastError.is(error, 'CLOSED');
}

/** The newest run may be another one by now. */
function behind({ tail: _tail, ...query }: LogQuery, { cursor, run }: LogChunk): LogQuery {
  const sameRun = query.run === 'last' && run > 0 ? { run } : {};
  return { ...query, ...sameRun, after: cursor };
}
