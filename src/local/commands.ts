/** What a user asks to be done. Each resolves when it is durable, or when what was asked for has happened. */
import type { AllocView, RestartOptions, StopOptions, TaskView } from '../api.ts';
import type { AgentDoors } from '../actors/agent-doors.ts';
import type { AllocRunnerDoors } from '../actors/alloc-runner.ts';
import type { Roster } from '../actors/roster.ts';
import { HoldfastError, messageOf } from '../errors.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { GroupSpecInput } from '../spec/group-schema.ts';

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

export class Commands {
  readonly #doors: CommandDoors;

  constructor(doors: CommandDoors) {
    this.#doors = doors;
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
    // Whoever stood by a task and crashed too often gets another chance when the task's turn to be ended comes.
    const { tasks } = roster.view(allocId);
    const unheard = new Set(
      tasks.flatMap((one) => (runner?.task(one.task) === undefined ? [] : one.task)),
    );
    const ended = await roster.until(allocId, options.signal, (view) => {
      if (!view.isLive) return true;
      for (const one of view.tasks) if (one.state !== 'unknown') unheard.delete(one.task);
      // The alloc's own last word follows that of its tasks.
      assertWatched(view.tasks.filter((one) => !unheard.has(one.task)));
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
