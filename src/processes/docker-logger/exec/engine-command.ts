/** One command in a container, from the moment it is asked for until all that it wrote is told. */
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine, ExecFacts } from '../../../engine/engine.ts';
import { HoldfastError } from '../../../errors.ts';
import type { ProcessEnd } from '../../../os/attached-process.ts';
import { isInCgroupNamed } from '../../../os/cgroup-member.ts';
import { isAlive, type ProcessIdentity, readProcStat } from '../../../os/process-identity.ts';
import { signalGroup } from '../../../os/process-tree.ts';
import type {
  EngineContainer,
  OpenSessionRequest,
} from '../../../rpc/gen/holdfast/executor/v1/sessions.ts';
import type { Command, Hearing } from '../../sessions/commands.ts';
import { assertBeginnable, execBody, refusalOf, unbegun } from './engine-words.ts';
import { EngineStreams } from './engine-streams.ts';
import { endOf, endedByContainer } from './exec-end.ts';

export interface EngineCommandDoors {
  readonly engine: Engine;
  readonly machineEpoch: string;
  readonly request: OpenSessionRequest;
  readonly container: EngineContainer;
  readonly hearing: Hearing;
}

const LOOK_MS = 15;
/** Of a process of this machine; elsewhere the engine has to be asked. */
const LOOK_LOCAL_MS = 50;
const LOOK_FAR_MS = 1_000;
/** No engine takes so long to begin a command, or to come back when it is only started anew. */
const PATIENCE_MS = 30_000;

export class EngineCommand implements Command {
  readonly begun: Promise<void>;
  readonly streams: EngineStreams;
  /** Resolves when its end was told, or that it never began. */
  readonly over: Promise<void>;
  /** Undefined for one of another machine, and before it has begun. */
  leader: ProcessIdentity | undefined;
  readonly #doors: EngineCommandDoors;
  readonly #sent = new Set<string>();
  readonly #givenUp = new AbortController();

  constructor(doors: EngineCommandDoors) {
    this.#doors = doors;
    const isTty = doors.request.terminal !== undefined;
    this.streams = new EngineStreams(doors.engine, isTty, doors.hearing.sink);
    const exec = this.#begin();
    this.begun = exec.then(() => undefined);
    this.over = exec.then(
      (id) => this.#live(id),
      () => doors.hearing.refused(),
    );
  }

  /** The id of the command at its engine, which has begun it. */
  async #begin(): Promise<string> {
    const { engine, request, container } = this.#doors;
    let connection: Duplex | undefined;
    try {
      await assertBeginnable(engine, request, container);
      const body = execBody(request, container);
      const { id } = await engine.createExec(container.containerId, body);
      connection = await engine.startExec(id, { isTty: request.terminal !== undefined });
      const { pid } = await this.#started(id, connection);
      this.leader = this.#processOf(pid);
      this.streams.begin(id, connection, request.terminal);
      return id;
    } catch (error) {
      connection?.destroy();
      throw refusalOf(error);
    }
  }

  /** What it may say is not read before: of a command that cannot begin it is the engine's own. */
  async #started(id: string, connection: Duplex): Promise<ExecFacts> {
    connection.on('error', () => undefined);
    for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
      const facts = await this.#doors.engine.inspectExec(id);
      if (facts === undefined) break;
      if (facts.pid > 0) return facts;
      if (facts.exitCode !== undefined) {
        throw unbegun(await this.streams.wordsOf(connection));
      }
      await delay(LOOK_MS);
    }
    throw new HoldfastError('UNAVAILABLE', 'nobody knows whether the engine began it');
  }

  #processOf(pid: number): ProcessIdentity | undefined {
    const { engine, machineEpoch, container } = this.#doors;
    if (!engine.isLocal || !isInCgroupNamed(pid, container.containerId)) return undefined;
    const stat = readProcStat(pid);
    if (stat === undefined || stat === 'unknown') return undefined;
    return { pid, startTime: stat.startTime, machineEpoch };
  }

  async #live(id: string): Promise<void> {
    const { hearing } = this.#doors;
    const facts = await this.#ended(id);
    const end = facts && (await this.#endOf(facts));
    await this.streams.rest();
    if (end !== undefined) return hearing.ended(end);
    const why = this.#givenUp.signal.aborted
      ? 'its process cannot be reached'
      : 'its engine has lost it';
    hearing.ended({ exitCode: null, signal: null }, why);
  }

  /** Undefined: nobody can say how. */
  async #ended(id: string): Promise<ExecFacts | undefined> {
    const { engine, machineEpoch } = this.#doors;
    const { leader } = this;
    const lookMs = leader === undefined ? LOOK_FAR_MS : LOOK_LOCAL_MS;
    let lastAnswerAt = performance.now();
    while (!this.#givenUp.signal.aborted) {
      const isLiving = leader !== undefined && isAlive(leader, machineEpoch) !== 'dead';
      if (!isLiving || this.streams.isOver) {
        const asked = await engine.inspectExec(id).then(
          (facts) => ({ facts }),
          () => undefined,
        );
        if (asked !== undefined && asked.facts?.isRunning !== true) return asked.facts;
        if (asked !== undefined) lastAnswerAt = performance.now();
        if (performance.now() - lastAnswerAt > PATIENCE_MS) return undefined;
      }
      await this.streams.changed(lookMs);
    }
    return undefined;
  }

  async #endOf({ exitCode = 0 }: ExecFacts): Promise<ProcessEnd> {
    const { engine, container } = this.#doors;
    const byContainer = await endedByContainer(engine, container.containerId, exitCode);
    return endOf(exitCode, byContainer ? new Set(['SIGKILL']) : this.#sent);
  }

  /** An engine says of its container that memory ran out, and of no command in it. */
  isOutOfMemory(): boolean {
    return false;
  }

  signal(name: NodeJS.Signals): boolean {
    const { leader } = this;
    if (leader === undefined) {
      const text =
        'the engine takes no signals for commands, and their processes are not seen here';
      throw new HoldfastError('CAPABILITY_MISSING', text);
    }
    this.#sent.add(name);
    return signalGroup(leader, this.#doors.machineEpoch, name);
  }

  /** It was hung up: what it exits with may come of that. */
  noteHangUp(): void {
    for (const name of ['SIGHUP', 'SIGKILL']) this.#sent.add(name);
  }

  /** Its process is beyond reach: nobody waits for it. */
  giveUp(): void {
    this.#givenUp.abort();
    this.streams.wake();
  }
}
