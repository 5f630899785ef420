/**
 * One seed: a machine, its agents, whoever uses them, what goes wrong, and what must hold at every step. First faults
 * and wishes, then no more faults: everything must come to rest, everything is stopped, and nothing may be left.
 */
import { Agent, DATA_DIR } from './agent.ts';
import { Client } from './client.ts';
import type { FaultChoice, Strike } from './faults.ts';
import { Invariants } from './invariants/invariants.ts';
import { checkFiles, checkOutput, checkProcesses, checkViews } from './invariants/rest.ts';
import { leaveAlone } from './left-alone.ts';
import { healDisk, letNatureWork } from './nature.ts';
import type { Entry } from './scheduler.ts';
import { Visitors } from './visitors.ts';
import { workloadOf } from './workload.ts';
import { NATURE } from './world/processes.ts';
import { enterWorld, Killed, World } from './world/world.ts';

export interface Outcome {
  readonly seed: number;
  /** What did not hold; empty when everything did. */
  readonly failure: string;
  readonly digest: number;
  readonly steps: number;
  readonly events: number;
  readonly launches: number;
  readonly commands: number;
  readonly strikes: readonly Strike[];
  readonly trace: readonly string[];
}

export interface SimulationOptions {
  readonly choice?: FaultChoice;
  readonly isTraced?: boolean;
  /** Nobody runs commands beside the tasks. */
  readonly isAlone?: boolean;
}

/** Faults and wishes end here at the latest, in simulated milliseconds. */
const TROUBLE_MS = 60_000;
/**
 * In so long a world without faults must have come to rest, in simulated milliseconds: what began before may still be
 * late by five minutes, and a shim that is slow by one more is looked for all the time.
 */
const PATIENCE_MS = 600_000;
/** Nothing that comes to rest takes so many: time itself may have come to a stop. */
const PATIENCE_STEPS = 1_000_000;
/**
 * After so long what was finished is put away, in simulated milliseconds: 30 s after its end, and where a slow shim was
 * still looked for, some time after that one's end, which may itself be 70 s away.
 */
const SWEEP_MS = 120_000;

export async function simulate(seed: number, options: SimulationOptions = {}): Promise<Outcome> {
  const world = new World(seed, options.choice);
  if (options.isTraced === true) world.trace = [];
  const simulation = new Simulation(world, options.isAlone === true);
  enterWorld(world);
  const onRejection = (error: unknown): void => simulation.noteRejection(error);
  process.on('unhandledRejection', onRejection);
  try {
    await simulation.run();
  } finally {
    process.off('unhandledRejection', onRejection);
    enterWorld(undefined);
  }
  return {
    seed,
    failure: simulation.failure,
    digest: world.digest,
    steps: world.scheduler.steps,
    events: world.store.head,
    launches: world.ledger.launches.length,
    commands: world.ledger.commands.size,
    strikes: world.faults.struck,
    trace: world.trace ?? [],
  };
}

class Simulation {
  failure = '';
  readonly #world: World;
  readonly #invariants: Invariants;
  readonly #client: Client;
  readonly #visitors: Visitors;
  #agent: Agent | undefined;
  #isAgentKept = true;
  readonly #settled = new Set<string>();
  readonly #fail = (text: string): void => {
    this.failure ||= text;
  };

  constructor(world: World, isAlone: boolean) {
    this.#world = world;
    const isStopAsked = (ref: string): boolean => this.#client.stopAsked.has(ref);
    this.#invariants = new Invariants(world, isStopAsked, this.#fail);
    const workload = workloadOf(world.seed);
    this.#client = new Client(world, workload, () => this.#serving, this.#fail);
    const { sessions } = this.#invariants;
    this.#visitors = new Visitors(world, isAlone ? [] : workload.visits, {
      agent: () => this.#serving,
      isAccepted: (allocId) => this.#client.accepted.has(allocId),
      onSeen: (visitor, start) => sessions.onSeen(visitor, start),
      onMissed: (visitor, why) => sessions.onMissed(visitor, why),
      onOver: (visitor) => sessions.onOver(visitor),
    });
    for (const dir of ['/bin', DATA_DIR]) world.disk.make(dir, 'dir', 0);
    // Whoever looks whether it can be executed finds a script of itself.
    world.disk.make('/bin/program', 'file', 0).text = '#!/bin/program\n';
    world.disk.make('/shim', 'file', 0);
    for (const path of ['/bin/program', '/shim']) world.disk.sync(world.disk.find(path) as never);
  }

  get #serving(): Agent | undefined {
    return this.#agent?.orchestrator === undefined ? undefined : this.#agent;
  }

  /** What nobody catches ends a process of Node; in the dead it means nothing. */
  noteRejection(error: unknown): void {
    if (error instanceof Killed || this.#world.current.isDead) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.failure ||= `nobody caught in ${this.#world.current.name}: ${text}`;
  }

  async run(): Promise<void> {
    const anotherAgent = (): void => this.#startAgent();
    letNatureWork(this.#world, { agent: () => this.#agent, anotherAgent, untilMs: TROUBLE_MS });
    this.#keepAnAgent();
    await this.#until(() => this.#world.nowMs >= TROUBLE_MS, TROUBLE_MS);
    if (this.failure === '') await this.#comeToRest();
  }

  /** From here on nothing goes wrong any more. */
  async #comeToRest(): Promise<void> {
    const world = this.#world;
    world.note('no more faults');
    world.faults.isOver = true;
    healDisk(world);
    for (const process of world.processes.living) {
      if (process.isStopped) world.scheduler.resume(process);
    }
    await this.#mustCome('every wish is answered', () => this.#client.isAnswered);
    await this.#mustCome('every task runs or is over', () => this.#isSettled());
    const { updates } = this.#invariants;
    await this.#mustCome('I32, I33: every update is made', () => updates.open.length === 0);
    await leaveAlone(world, {
      mustCome: (what, isSo) => this.#mustCome(what, isSo),
      keepAgent: (isKept) => (this.#isAgentKept = isKept),
      agent: () => this.#agent?.process,
    });
    const { sessions } = this.#invariants;
    await this.#mustCome('no command lives that is over', () => sessions.livingDead.length === 0);
    await this.#mustCome('every end of a command is told', () => sessions.untold.length === 0);
    for (const allocId of this.#client.accepted) {
      this.#client.ask({ atMs: world.nowMs, kind: 'stop', allocId, task: '' });
    }
    await this.#mustCome('every alloc is stopped', () => this.#client.isAnswered);
    checkProcesses(world, this.#fail);
    sessions.checkRest();
    await this.#mustCome('every visitor is gone', () => this.#visitors.areGone);
    // What this agent could not put away the next one does.
    if (this.#agent?.isAlive === true) world.kill(this.#agent.process, 'another one is to look');
    const sweptMs = world.nowMs + SWEEP_MS;
    await this.#mustCome('time for sweeping', () => world.nowMs > sweptMs);
    checkFiles(world, this.#invariants.book.leftFifos, this.#fail);
    checkOutput(world, this.#invariants.book.leftFifos, this.#fail);
    const serving = this.#serving;
    if (serving === undefined) return this.#fail('I20: no agent is there in the end');
    let isChecked = false;
    serving.do('is looked at', (orchestrator) => {
      void checkViews(orchestrator, this.#fail).finally(() => (isChecked = true));
    });
    await this.#mustCome('the views are checked', () => isChecked);
    await this.#mustCome(
      'the subscriber has everything',
      () => this.#invariants.subscriber.seen === world.store.head,
    );
  }

  async #mustCome(what: string, isSo: () => boolean): Promise<void> {
    if (this.failure !== '') return;
    if (!(await this.#until(isSo, PATIENCE_MS))) this.#fail(`I20: it never came that ${what}`);
  }

  /** Each task was seen to run, or is over: a program that ends at once may be between two runs for ever. */
  #isSettled(): boolean {
    for (const [stream, { value, context }] of this.#invariants.book.tasks) {
      const isOver = value === 'dead' || value === 'pending' || value === 'held';
      const { launch } = context;
      const isRunning =
        value === 'running' &&
        launch !== undefined &&
        this.#world.ledger.livingOf(launch.launchKey).length > 0;
      if (isOver || isRunning) this.#settled.add(stream);
    }
    return this.#settled.size === this.#invariants.book.tasks.size;
  }

  /** Somebody starts the agent again whenever it ended, as an init system does. */
  #keepAnAgent(): void {
    const { scheduler, chance } = this.#world;
    if (this.#agent?.isAlive !== true && this.#isAgentKept) this.#startAgent();
    scheduler.after(chance.pick([300, 300, 2_000]), NATURE, 'looks for the agent', () =>
      this.#keepAnAgent(),
    );
  }

  #startAgent(): void {
    this.#agent = Agent.start(this.#world, (orchestrator) => {
      void this.#invariants.subscriber.follow(orchestrator).catch(() => undefined);
    });
  }

  /** Lets things happen until it is so; a failure ends it too. */
  async #until(isSo: () => boolean, patienceMs: number): Promise<boolean> {
    const { scheduler } = this.#world;
    const lastMs = scheduler.nowMs + patienceMs;
    const lastStep = scheduler.steps + PATIENCE_STEPS;
    while (this.failure === '') {
      if (isSo()) return true;
      const entry = scheduler.next();
      if (entry === undefined || scheduler.nowMs > lastMs || scheduler.steps > lastStep)
        return false;
      await this.#take(entry);
    }
    return false;
  }

  /** One entry, and everything that follows from it before anything else may happen. */
  async #take(entry: Entry): Promise<void> {
    this.#world.current = entry.owner;
    if (entry.label !== 'turn') this.#world.note(entry.label);
    try {
      entry.run();
    } catch (error) {
      if (!(error instanceof Killed)) this.noteRejection(error);
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#world.current = NATURE;
  }
}
