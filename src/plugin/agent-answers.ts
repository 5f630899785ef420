/** What an agent makes of what a driver in its own process says and asks. */
import type { DriverAgent } from '../drivers/driver-agent.ts';
import type { DriverDoors, RunRequest } from '../drivers/driver.ts';
import { HoldfastError, messageOf } from '../errors.ts';
import { driverMethods } from '../rpc/driver-methods.ts';
import type { Channel } from '../rpc/framed-channel.ts';
import { call, follow } from '../rpc/framed-client.ts';
import { fromJson, type TaskName, toJson, type Word } from './words.ts';

export class AgentAnswers {
  readonly #name: string;
  readonly #agent: DriverAgent;
  /** Of the tasks that the driver was asked about and has not released. */
  readonly #doors = new Map<string, DriverDoors>();

  constructor(name: string, agent: DriverAgent) {
    this.#name = name;
    this.#agent = agent;
  }

  remember(of: TaskName, doors: DriverDoors): void {
    this.#doors.set(keyOf(of), doors);
  }

  forget(of: TaskName): void {
    this.#doors.delete(keyOf(of));
  }

  /** Attaches. Resolves when the process has gone, with what is known of why. */
  async listen(channel: Channel, agentEpoch: number, signal: AbortSignal): Promise<string> {
    const request = { agentEpoch };
    try {
      for await (const said of follow(channel, driverMethods.attach, request, { signal })) {
        void this.#hear(channel, said.id, said.word, signal);
      }
      return 'it ended';
    } catch (error) {
      return `it ended: ${messageOf(error)}`;
    }
  }

  async #hear(
    channel: Channel,
    id: number,
    bytes: Uint8Array,
    closing: AbortSignal,
  ): Promise<void> {
    const answer = await this.#answer(bytes, closing).then(
      (value) => ({ value }),
      (error: unknown) => {
        const { code, message } = HoldfastError.from(error);
        return { error: { code, message } };
      },
    );
    if (id === 0) return;
    const request = { id, answer: toJson(answer) };
    // Of a process that is gone nobody waits any more.
    await call(channel, driverMethods.answer, request).catch(() => undefined);
  }

  async #answer(bytes: Uint8Array, closing: AbortSignal): Promise<unknown> {
    const word = fromJson(bytes) as Word | undefined;
    if (typeof word !== 'object' || word === null) return undefined;
    const { logger } = this.#agent;
    switch (word.kind) {
      case 'log':
        if (!['debug', 'info', 'warn', 'error'].includes(word.level)) return undefined;
        return logger[word.level]({ driver: this.#name, ...word.facts }, word.message);
      case 'changed':
        return this.#agent.changed();
      case 'recovered':
        return this.#agent.recovered;
      case 'count':
        return this.#agent.count(word.metric, word.labels, word.n);
      case 'isKnown':
        return this.#agent.isKnown(word.launchKey, word.of);
      case 'emit':
        return this.#doorsOf(word.of)?.task.emit(word.type, word.message, word.details);
      case 'hold':
        return this.#needed(word.of).holdings.record(word.thing);
      case 'forget':
        return this.#needed(word.of).holdings.forget(word.thing);
      case 'follow':
        return this.#needed(ofRun(word.run)).output.follow(word.run, word.log, closing);
      case 'settled':
        return this.#needed(ofRun(word.run)).output.settled(word.run, word.patienceMs);
      case 'releaseOutput':
        return this.#needed(ofRun(word.run)).output.release(word.run);
      default:
        throw new HoldfastError('CAPABILITY_MISSING', 'this agent does not know the question');
    }
  }

  #doorsOf(of: TaskName): DriverDoors | undefined {
    return this.#doors.get(keyOf(of));
  }

  #needed(of: TaskName): DriverDoors {
    const doors = this.#doorsOf(of);
    if (doors !== undefined) return doors;
    throw new HoldfastError('CLOSED', 'nobody is at work at the task');
  }
}

function ofRun({ allocId, task }: RunRequest): TaskName {
  return { allocId, task: task.name };
}

function keyOf({ allocId, task }: TaskName): string {
  return JSON.stringify([allocId, task]);
}
