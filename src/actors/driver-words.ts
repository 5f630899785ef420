/** What the driver of one task has recorded of it: its messages, and what it made beside the runs. */
import type { DriverDoors, EndedTask } from '../drivers/driver.ts';
import { FileClaims } from '../drivers/run-claims.ts';
import type { TaskVoice } from '../drivers/task-voice.ts';
import type { Thing } from '../drivers/holdings.ts';
import { HoldfastError, messageOf } from '../errors.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { nodeAttributes } from '../os/node-attributes.ts';
import { MessageBudget, shortMessage, type DriverWord } from './driver-messages.ts';
import type { AgentDoors } from './agent-doors.ts';
import type { TaskIdentity } from './task-runner.ts';

interface WordsDoors {
  readonly agent: AgentDoors;
  readonly identityOf: () => TaskIdentity;
  /** The newest of what the task remembers. */
  readonly known: () => TaskContext;
  readonly tell: (message: TaskMessage) => Promise<void>;
}

export class DriverWords {
  readonly doors: DriverDoors;
  readonly #doors: WordsDoors;
  readonly #budget: MessageBudget;

  constructor(doors: WordsDoors) {
    const { agent, tell, known } = doors;
    this.#doors = doors;
    this.#budget = new MessageBudget(agent.clock);
    const labels = (): Readonly<Record<string, string>> => this.#labels();
    const task: TaskVoice = {
      get labels() {
        return labels();
      },
      emit: (type, message, details = {}) => this.#emit({ type, message, details }),
    };
    this.doors = {
      executor: agent.executor,
      output: agent.output.doorOf(task),
      task,
      holdings: {
        current: () => known().holdings ?? [],
        record: ({ kind, id }: Thing) => tell({ type: 'RecordHolding', kind, id }),
        forget: ({ kind, id }: Thing) => tell({ type: 'ForgetHolding', kind, id }),
      },
      claims: new FileClaims({ ...agent, stateDir: agent.layout.stateDir }),
    };
  }

  #labels(): Readonly<Record<string, string>> {
    const { agent, identityOf } = this.#doors;
    const { allocId, allocName, task } = identityOf();
    const node = agent.surroundings.node.name ?? nodeAttributes()['unique.hostname'] ?? '';
    return { node, job: allocName, group: allocName, alloc: allocId, task: task.name };
  }

  #emit(word: DriverWord): void {
    if (this.#budget.takes(this.#doors.known().run)) void this.#say(shortMessage(word));
  }

  async #say({ type, message, details }: DriverWord): Promise<void> {
    const { agent, tell } = this.#doors;
    await tell({ type: 'DriverSpoke', topic: type, message, details }).catch((error: unknown) => {
      agent.logger.debug({ error: messageOf(error) }, 'a message of a driver was not recorded');
    });
  }

  async endMessages(): Promise<void> {
    const omitted = this.#budget.drain();
    if (omitted === 0) return;
    const message = `${omitted} more ${omitted === 1 ? 'message was' : 'messages were'} left out`;
    await this.#say({ type: 'omitted', message, details: { count: String(omitted) } });
  }

  async undoHoldings(signal: AbortSignal): Promise<void> {
    const { agent, identityOf, known } = this.#doors;
    const { holdings = [] } = known();
    if (holdings.length === 0) return;
    const { allocId, allocName, task }: EndedTask = identityOf();
    const driver = agent.drivers.find(task.driver);
    if (driver?.cleanUp === undefined) {
      const left = holdings.map(({ kind, id }) => `${kind} ${id}`).join(', ');
      await this.#say(
        shortMessage({ type: 'left', message: `nobody undoes ${left}`, details: {} }),
      );
      return;
    }
    try {
      await driver.cleanUp(holdings, { allocId, allocName, task }, this.doors, signal);
    } catch (error) {
      signal.throwIfAborted();
      const message = `cannot be undone now: ${messageOf(error)}`;
      if (this.#budget.isNews(message)) {
        await this.#say(shortMessage({ type: 'cleanup', message, details: {} }));
      }
      throw new HoldfastError('UNAVAILABLE', message, { cause: error });
    }
  }
}
