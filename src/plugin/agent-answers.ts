/** What an agent makes of what a driver in its own process says and asks. */
import { TokenBucket } from '../actors/token-bucket.ts';
import type { DriverAgent } from '../drivers/driver-agent.ts';
import type { RunRequest } from '../drivers/driver.ts';
import { HoldfastError } from '../errors.ts';
import { driverMethods } from '../rpc/driver-methods.ts';
import type { Channel } from '../rpc/framed-channel.ts';
import { call, follow } from '../rpc/framed-client.ts';
import { ModestWords } from './modest-words.ts';
import { factFault, wordFault } from './sense-words.ts';
import { TaskDoors } from './task-doors.ts';
import { fromJson, toJson, type Word } from './words.ts';

/** So many of its questions are under way at once; the rest waits in its process. */
const MOST_AT_ONCE = 64;
/** Of facts of the node: hosts that come and go, and what was left over. */
const FACTS = { burst: 32, everyMs: 10_000 };

export class AgentAnswers {
  readonly doors = new TaskDoors();
  readonly #name: string;
  readonly #agent: DriverAgent;
  readonly #modest: ModestWords;
  readonly #facts: TokenBucket;

  constructor(name: string, agent: DriverAgent) {
    this.#name = name;
    this.#agent = agent;
    this.#modest = new ModestWords(name, agent);
    this.#facts = new TokenBucket(agent.clock, FACTS.burst, FACTS.everyMs);
  }

  /** Attaches. Resolves when the process has gone, with what is known of why. */
  async listen(channel: Channel, agentEpoch: number, signal: AbortSignal): Promise<string> {
    const request = { agentEpoch };
    const underWay = new Set<Promise<void>>();
    try {
      for await (const said of follow(channel, driverMethods.attach, request, { signal })) {
        const heard = this.#hear(channel, said.id, said.word, signal);
        underWay.add(heard);
        void heard.then(() => underWay.delete(heard));
        // What is not taken from the stream makes the driver wait, which nobody else notices.
        if (underWay.size >= MOST_AT_ONCE) await Promise.race(underWay);
      }
      return 'it ended';
    } catch (error) {
      const { message } = HoldfastError.from(error);
      return `it ended: ${message}`;
    }
  }

  /** Never rejects. */
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
    const read = fromJson(bytes);
    const fault = wordFault(read);
    if (fault !== undefined) throw new HoldfastError('CAPABILITY_MISSING', fault);
    const word = read as Word;
    switch (word.kind) {
      case 'log':
        return this.#modest.log(word.level, word.facts, word.message);
      case 'changed':
        return this.#modest.changed();
      case 'recovered':
        return this.#agent.recovered;
      case 'count':
        return this.#agent.count(word.metric, word.labels, word.n);
      case 'record':
        return this.#record(word);
      case 'isKnown':
        return this.#agent.isKnown(word.launchKey, word.of);
      case 'emit':
        return this.doors.of(word.of)?.task.emit(word.type, word.message, word.details);
      case 'hold':
        return this.doors.needed(word.of).holdings.record(word.thing);
      case 'forget':
        return this.doors.needed(word.of).holdings.forget(word.thing);
      default:
        return this.#output(word, closing);
    }
  }

  #output(
    word: Extract<Word, { kind: 'follow' | 'settled' | 'releaseOutput' }>,
    closing: AbortSignal,
  ): Promise<unknown> {
    const { output } = this.doors.needed(nameOf(word.run));
    if (word.kind === 'follow') return output.follow(word.run, word.log, closing);
    if (word.kind === 'settled') return output.settled(word.run, word.patienceMs);
    return output.release(word.run);
  }

  /** It speaks of its own only, whatever it says. */
  #record({ type, facts }: Extract<Word, { kind: 'record' }>): void {
    const own = { ...facts, driver: this.#name };
    const fault = factFault(type, own) ?? (this.#facts.take() ? undefined : 'too many facts');
    if (fault === undefined) this.#agent.record(type, own as never);
    else this.#modest.log('warn', { type, fault }, 'what a driver tells is not recorded');
  }
}

function nameOf({ allocId, task }: RunRequest) {
  return { allocId, task: task.name };
}
