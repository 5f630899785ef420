/** What a user asks to be done. Each resolves when it is durable, or when what was asked for has happened. */
import type { AllocView, RestartOptions, RunOptions, StopOptions, TaskView } from '../api.ts';
import type { AgentDoors } from '../actors/agent-doors.ts';
import { AllocRunner, type AllocRunnerDoors } from '../actors/alloc-runner.ts';
import type { Roster } from '../actors/roster.ts';
import type { SavedSpec } from '../actors/spec-files.ts';
import { HoldfastError, messageOf } from '../errors.ts';
import { allocStream } from '../events/envelope.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { GroupSpecInput } from '../spec/group-schema.ts';
import { assertTexts, withIdentity } from './accept-texts.ts';
import { takePorts } from './accept-ports.ts';
import { assertPayload, withPayload } from './payload.ts';

export interface CommandDoors {
  readonly agent: AgentDoors;
  readonly roster: Roster;
  readonly allocDoors: AllocRunnerDoors;
  readonly newAllocId: () => string;
  /** Checks, applies defaults, and hashes. Errors: SPEC_INVALID. */
  readonly readSpec: (input: GroupSpecInput) => Promise<{ spec: AllocSpec; specHash: string }>;
  /** Throws CLOSED once the orchestrator is closing. */
  readonly assertOpen: () => void;
}

const ALLOC_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export class Commands {
  readonly #doors: CommandDoors;

  constructor(doors: CommandDoors) {
    this.#doors = doors;
  }

  /** The allocId of the accepted alloc, or of the live one that is the same. */
  async run(input: GroupSpecInput, options: RunOptions = {}): Promise<string> {
    const { agent, roster } = this.#doors;
    this.#doors.assertOpen();
    assertNotAborted(options.signal);
    const { spec, specHash } = await this.#doors.readSpec(input);
    this.#doors.assertOpen();
    assertNotAborted(options.signal);
    for (const task of spec.tasks) agent.drivers.check(task);
    const existing = this.#existing(spec.name, options);
    if (existing !== undefined) return this.#sameSpec(existing, spec.name, specHash);
    assertRoom(agent);
    const allocId = options.allocId ?? options.requestId ?? this.#doors.newAllocId();
    this.#assertFresh(allocId);
    const named = withIdentity(spec, options.identity);
    assertTexts(agent, allocId, named);
    assertPayload(named, options.payload);
    const isLimited = spec.maxRunDurationMs !== undefined;
    const since = isLimited ? { acceptedAt: agent.clock.steady() } : {};
    const saved = { allocId, spec: named, specHash, ...since };
    const accepted = this.#accept(saved, options.payload);
    roster.reserve(spec.name, { allocId, specHash, accepted });
    try {
      await accepted;
    } finally {
      roster.unreserve(spec.name);
    }
    return allocId;
  }

  /** Side by side: both the spec file and the event are durable before the caller hears of it. */
  async #accept(saved: SavedSpec, payload?: Uint8Array): Promise<void> {
    const { agent, allocDoors, roster } = this.#doors;
    const { allocId, ...rest } = saved;
    const runner = new AllocRunner(allocId, undefined, allocDoors);
    roster.admit(runner);
    runner.start();
    const refuse = (): void => {
      runner.stop();
      roster.dismiss(allocId);
      agent.ports.release(allocId);
    };
    const ports = await takePorts(agent, saved).catch((error: unknown) => {
      refuse();
      throw error;
    });
    const received = { type: 'ReceiveAlloc', ...rest, ...ports, recovered: false } as const;
    // crash point: agent.accept.begun
    const [file, event] = await Promise.allSettled([
      agent.specs.save(withPayload({ ...saved, ...ports }, payload)),
      runner.tell(received),
    ]);
    // crash point: agent.accept.settled
    if (event.status === 'rejected') {
      // Refused: nothing half-made stays. Whether an append that failed is in the log is not known: that file stays.
      refuse();
      if (!HoldfastError.is(event.reason, 'STORE_FAILED')) await agent.specs.forget(allocId);
      throw event.reason;
    }
    if (file.status === 'rejected') throw file.reason;
  }

  /** What the same call made before, else the live alloc of that name. */
  #existing(name: string, { allocId, requestId }: RunOptions): string | undefined {
    if (allocId !== undefined) return undefined;
    const { roster } = this.#doors;
    const isAnswered = requestId !== undefined && roster.folded(requestId) !== undefined;
    return isAnswered ? requestId : roster.liveByName(name);
  }

  /** That alloc, which may still be about to be accepted, when it is the same. */
  async #sameSpec(allocId: string, name: string, specHash: string): Promise<string> {
    const { roster } = this.#doors;
    const reserved = roster.reservation(name);
    const known = roster.folded(allocId)?.state.context.specHash ?? reserved?.specHash;
    if (known !== specHash) {
      const text =
        roster.standingOf(allocId) === 'ended'
          ? `${allocId} was accepted with another spec`
          : `alloc "${name}" (${allocId}) runs with another spec: stop it first`;
      throw new HoldfastError('ALREADY_EXISTS', text, { details: { allocId } });
    }
    await reserved?.accepted;
    return allocId;
  }

  #assertFresh(allocId: string): void {
    if (!ALLOC_ID.test(allocId)) {
      throw new HoldfastError('USAGE', `"${allocId}" is not an allocId: ${ALLOC_ID.source}`);
    }
    const { agent, roster } = this.#doors;
    // The log remembers the ids of allocs whose events it has let go.
    if (roster.isKnown(allocId) || agent.log.versionOf(allocStream(allocId)) > 0) {
      const text = `the allocId ${allocId} was used already and cannot be used again`;
      throw new HoldfastError('ALREADY_EXISTS', text, { details: { allocId } });
    }
  }

  async stop(ref: string, options: StopOptions = {}): Promise<AllocView> {
    const { agent, roster } = this.#doors;
    const { allocId, task } = roster.resolve(ref);
    const reason = options.reason ?? 'stopped by a command';
    const hurry = options.shutdownDelay === 'skip' ? { isHurried: true } : {};
    const runner = roster.runner(allocId);
    if (task !== undefined) {
      await runner?.task(task)?.tell({ type: 'StopTask', reason, ...hurry });
      return roster.until(allocId, options.signal, (view) =>
        hasEnded(view.tasks.filter((one) => one.task === task)),
      );
    }
    await runner?.tell({ type: 'StopAlloc', reason, ...hurry });
    const ended = await roster.until(allocId, options.signal, (view) => {
      if (!view.isLive) return true;
      // The alloc's own last word follows that of its tasks.
      assertWatched(view.tasks);
      return false;
    });
    // Its addresses and ports are free when somebody hears that it has ended.
    await agent.networks.release(allocId);
    return ended;
  }

  async restart(ref: string, options: RestartOptions = {}): Promise<void> {
    const reason = 'restarted by a command';
    if (options.tasks !== 'all') {
      return this.#tellTasks(ref, { type: 'RestartTask', reason }, 'running');
    }
    const { roster } = this.#doors;
    const { allocId, task } = roster.resolve(ref);
    if (task !== undefined) {
      const text = `${ref} is one task: only a whole alloc is begun anew with all its tasks`;
      throw new HoldfastError('USAGE', text);
    }
    const runner = roster.runner(allocId);
    if (runner === undefined) {
      const { state } = roster.view(allocId);
      const text = `alloc ${ref} is ${state}: it can be begun anew only before it has ended`;
      throw new HoldfastError('WRONG_STATE', text, { details: { state } });
    }
    assertWatched(roster.view(allocId).tasks);
    await runner.tell({ type: 'RestartAlloc', reason });
  }

  async resume(ref: string): Promise<void> {
    await this.#tellTasks(ref, { type: 'ResumeTask' }, 'held');
  }

  async signal(ref: string, signal: string): Promise<void> {
    await this.#tellTasks(ref, { type: 'SignalTask', signal }, 'running');
  }

  /** One task by name, or every task of the alloc that is in this state; an alloc without one refuses. */
  async #tellTasks(ref: string, message: TaskMessage, meant: 'running' | 'held'): Promise<void> {
    const { roster } = this.#doors;
    const { allocId, task } = roster.resolve(ref);
    const views = roster
      .view(allocId)
      .tasks.filter((one) => (task === undefined ? one.state === meant : one.task === task));
    const first = views[0];
    if (first === undefined) {
      const what = meant === 'held' ? 'task that is held' : 'running task';
      throw new HoldfastError('WRONG_STATE', `alloc ${ref} has no ${what}`);
    }
    await Promise.all(
      views.map(async (view) => {
        const runner = roster.runner(allocId)?.task(view.task);
        if (runner === undefined) {
          const text = `task ${view.alloc}/${view.task} is ${view.state}`;
          throw new HoldfastError('WRONG_STATE', text, { details: { state: view.state } });
        }
        await runner.tell(message);
      }),
    );
  }

  /** Ends every live alloc, side by side. One that cannot be ended is left as it is, and said to the logger. */
  async stopAll(): Promise<void> {
    const { agent, roster } = this.#doors;
    await Promise.all(
      roster.views(false).map(async ({ allocId }) => {
        try {
          await this.stop(allocId, { reason: 'the agent is closing' });
        } catch (error) {
          agent.logger.error({ allocId, error: messageOf(error) }, 'could not be stopped');
        }
      }),
    );
  }
}

/** A disk that is nearly full shall hold the ends of what runs, not more beginnings. */
function assertRoom({ gate }: AgentDoors): void {
  if (!gate.holds.includes('disk-low')) return;
  const text = `the disk is nearly full and nothing new is taken: ${gate.wordsOf('disk-low')}: make room, then try again`;
  throw new HoldfastError('RESOURCES_EXHAUSTED', text);
}

/** From here on the group is accepted and an abort changes nothing any more. */
function assertNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  const options = { cause: signal.reason };
  throw new HoldfastError('ABORTED', 'the call was aborted before the group was accepted', options);
}

function hasEnded(tasks: readonly TaskView[]): boolean {
  assertWatched(tasks);
  return tasks.every((one) => one.nomadState === 'dead');
}

/** Throws WRONG_STATE for a task that nobody stands by: waiting for its end would be waiting for ever. */
function assertWatched(tasks: readonly TaskView[]): void {
  const lost = tasks.find((one) => one.state === 'unknown');
  if (lost !== undefined) {
    const text = `task ${lost.alloc}/${lost.task} cannot be stopped: ${lost.reason}`;
    throw new HoldfastError('WRONG_STATE', text, { details: { task: lost.task } });
  }
}
