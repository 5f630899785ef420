/** Commands in containers, by calls of their engines: nothing of them is a process of this host. */
import { setTimeout as delay } from 'node:timers/promises';
import { dockerEngine } from '../../../engine/docker-engine.ts';
import { HoldfastError } from '../../../errors.ts';
import type { OpenSessionRequest } from '../../../rpc/gen/holdfast/executor/v1/sessions.ts';
import type { Command, Commands, Hearing } from '../../sessions/commands.ts';
import { hangUp } from '../../sessions/session-tree.ts';
import { placeOf } from '../place-of.ts';
import { EngineCommand } from './engine-command.ts';

/** After its processes are gone the engine says so within this, or they could not be reached. */
const ENGINE_WAIT_MS = 3_000;

export class EngineCommands implements Commands {
  readonly #machineEpoch: string;
  /** By session. */
  readonly #living = new Map<string, EngineCommand>();

  constructor(machineEpoch: string) {
    this.#machineEpoch = machineEpoch;
  }

  begin(request: OpenSessionRequest, hearing: Hearing): Command {
    const { container, session } = request;
    if (container === undefined) {
      throw new HoldfastError('WRONG_STATE', 'this host runs commands in containers only');
    }
    const engine = dockerEngine(placeOf(container));
    const machineEpoch = this.#machineEpoch;
    const command = new EngineCommand({ engine, machineEpoch, request, container, hearing });
    this.#living.set(session, command);
    // Whoever opened it hears why it did not begin.
    command.begun.catch(() => undefined);
    void command.over.finally(() => this.#living.delete(session));
    return command;
  }

  /** Of one that another host had, processes are found by what they carry. */
  async hangUp(session: string): Promise<void> {
    const command = this.#living.get(session);
    // What is on its way would begin when nobody looks any more.
    await command?.begun.catch(() => undefined);
    command?.noteHangUp();
    command?.streams.end();
    await hangUp({ id: session, leader: command?.leader }, this.#machineEpoch);
    if (command === undefined) return;
    await Promise.race([command.over, delay(ENGINE_WAIT_MS, undefined, { ref: false })]);
    command.giveUp();
    await command.over;
  }
}
