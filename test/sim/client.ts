/** Whoever uses the agents: asks, asks the next agent when one dies with the question, and says what was answered. */
import type { Orchestrator } from '../../src/api.ts';
import { HoldfastError } from '../../src/errors.ts';
import type { Agent } from './agent.ts';
import type { Wish, Workload } from './workload.ts';
import { NATURE } from './world/processes.ts';
import type { World } from './world/world.ts';

const ASK_AGAIN_MS = 1_500;

export class Client {
  readonly #world: World;
  readonly #workload: Workload;
  readonly #agent: () => Agent | undefined;
  readonly #fail: (text: string) => void;
  readonly #open = new Set<Wish>();
  /** Who has a wish now and has not answered it. */
  readonly #asked = new Map<Wish, Agent>();
  /** Allocs whose `run` was answered: they exist from now on, whatever happens. */
  readonly accepted = new Set<string>();
  /** Tasks whose own end was asked for at least once, answered or not. */
  readonly stopAsked = new Set<string>();

  constructor(
    world: World,
    workload: Workload,
    agent: () => Agent | undefined,
    fail: (text: string) => void,
  ) {
    this.#world = world;
    this.#fail = fail;
    this.#workload = workload;
    this.#agent = agent;
    for (const wish of workload.wishes) this.ask(wish);
  }

  get isAnswered(): boolean {
    return this.#open.size === 0;
  }

  ask(wish: Wish): void {
    this.#open.add(wish);
    this.#world.scheduler.at(wish.atMs, NATURE, `wish ${wish.kind}`, () => this.#try(wish));
  }

  /** Whatever becomes of the agent, the wish is looked at again until it is answered. */
  #try(wish: Wish): void {
    if (!this.#open.has(wish)) return;
    const { scheduler } = this.#world;
    scheduler.after(ASK_AGAIN_MS, NATURE, `asks again`, () => this.#try(wish));
    if (wish.kind !== 'run' && !this.accepted.has(wish.allocId)) return;
    const agent = this.#agent();
    // An agent that was asked and lives will answer.
    if (agent === undefined || this.#asked.get(wish) === agent) return;
    this.#asked.set(wish, agent);
    agent.do(`is asked to ${wish.kind} ${wish.allocId}`, (orchestrator) => {
      this.#world.note(`is asked to ${wish.kind} ${wish.allocId} ${wish.task}`);
      if (wish.kind === 'stop task') this.stopAsked.add(`${wish.allocId}/${wish.task}`);
      ask(orchestrator, wish, this.#workload).then(
        () => this.#answered(wish),
        (error: unknown) => this.#refused(wish, error),
      );
    });
  }

  #answered(wish: Wish): void {
    this.#asked.delete(wish);
    if (!this.#open.delete(wish)) return;
    this.#world.note(`answers ${wish.kind} ${wish.allocId}`);
    if (wish.kind === 'run') this.accepted.add(wish.allocId);
  }

  #refused(wish: Wish, error: unknown): void {
    this.#asked.delete(wish);
    const { code, message } = HoldfastError.from(error);
    this.#world.note(`refuses ${wish.kind} ${wish.allocId}: ${code} ${message}`);
    // An alloc that exists was accepted by somebody, and a senseless wish stays senseless.
    if (code === 'ALREADY_EXISTS') this.#answered(wish);
    else if (code === 'SPEC_INVALID') this.#fail(`the workload makes no sense: ${message}`);
    else if (code === 'WRONG_STATE' || code === 'NOT_FOUND') this.#open.delete(wish);
  }
}

async function ask(orchestrator: Orchestrator, wish: Wish, workload: Workload): Promise<void> {
  const { kind, allocId, task } = wish;
  const group = workload.groups.get(allocId);
  if (kind === 'run') {
    if (group !== undefined) await orchestrator.run(group, { allocId });
  } else if (kind === 'update') {
    if (wish.group !== undefined) await orchestrator.run(wish.group, { allocId });
  } else if (kind === 'stop') {
    await orchestrator.stop(allocId);
  } else if (kind === 'stop task') {
    await orchestrator.stop(`${allocId}/${task}`);
  } else if (kind === 'hurry') {
    await orchestrator.stop(allocId, { shutdownDelay: 'skip' });
  } else if (kind === 'restart all') {
    await orchestrator.restart(allocId, { tasks: 'all' });
  } else if (kind === 'resume') {
    await orchestrator.resume(allocId);
  } else if (kind === 'restart') {
    await orchestrator.restart(`${allocId}/${task}`);
  } else {
    await orchestrator.signal(`${allocId}/${task}`, 'SIGUSR1');
  }
}
