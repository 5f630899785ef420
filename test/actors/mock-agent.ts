/** A real orchestrator on a directory of its own, whose tasks are no processes and whose time stands still. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import type { Orchestrator, PublicEvent, TaskView } from '../../src/api.ts';
import { openOrchestrator, type OrchestratorOptions } from '../../src/orchestrator.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { FakeClock, mockDriver, MockWorld, type MockConfig } from '../../src/testing/index.ts';

// Mocked tasks write nothing: without a collector no process is started at all.
vi.mock('../../src/actors/logmon.ts', () => ({
  Logmon: class {
    async greet(): Promise<void> {}
    async collect(): Promise<void> {}
    async resume(): Promise<void> {}
    async release(): Promise<void> {}
    async releaseOthers(): Promise<void> {}
  },
}));

/** Longest that anything here may take, in milliseconds of real time: a busy machine is not a failure. */
const DEADLINE_MS = 15_000;
vi.setConfig({ testTimeout: 2 * DEADLINE_MS });

/** Looks again until `look` does not throw any more. */
export function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: DEADLINE_MS, interval: 1 });
}

export class MockAgent {
  readonly clock = new FakeClock();
  readonly world = new MockWorld(this.clock);
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'hf-mock-'));
  #open: Orchestrator | undefined;

  constructor() {
    onTestFinished(async () => {
      await this.#open?.close({ tasks: 'leave' });
      rmSync(this.#dataDir, { recursive: true, force: true });
    });
  }

  get orchestrator(): Orchestrator {
    if (this.#open === undefined) throw new Error('no agent is open');
    return this.#open;
  }

  async open(options: Partial<OrchestratorOptions> = {}): Promise<Orchestrator> {
    const { clock, world } = this;
    const drivers = [mockDriver(world)];
    this.#open = await openOrchestrator({ dataDir: this.#dataDir, drivers, clock, ...options });
    return this.#open;
  }

  /** Opens an agent that has to wait for something: time goes on in such steps until it is ready. */
  async openWhile(step: string): Promise<Orchestrator> {
    let isOpen = false;
    const opening = this.open().finally(() => (isOpen = true));
    while (!isOpen) {
      // Time goes on for those who wait for it, not for the disk.
      if (this.clock.waiting > 0) await this.clock.advance(step);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    return opening;
  }

  /** The agent goes away and leaves its tasks alone. */
  async leave(): Promise<void> {
    await this.orchestrator.close({ tasks: 'leave' });
    this.#open = undefined;
  }

  async reopen(options: Partial<OrchestratorOptions> = {}): Promise<Orchestrator> {
    await this.leave();
    return this.open(options);
  }

  /** Starts an alloc of one task called as itself, and gives its id. */
  async start(
    name: string,
    config: MockConfig = {},
    group: Partial<GroupSpecInput> = {},
    task: Partial<GroupSpecInput['tasks'][number]> = {},
  ): Promise<string> {
    const tasks = [{ name, driver: 'mock', config: { ...config }, ...task }];
    return (await this.orchestrator.run({ name, tasks, ...group })).allocId;
  }

  async view(name: string): Promise<TaskView> {
    const { tasks } = await this.orchestrator.inspect(name);
    return tasks[0] as TaskView;
  }

  /** Waits until the task is in this state; the view that says so. */
  until(name: string, state: TaskView['state']): Promise<TaskView> {
    return eventually(async () => {
      const view = await this.view(name);
      if (view.state !== state) throw new Error(`${name} is ${view.state}: ${view.reason}`);
      return view;
    });
  }

  /** Every event so far, of an alloc if one is named. */
  async events(ref?: string): Promise<readonly PublicEvent[]> {
    const found: PublicEvent[] = [];
    const of = ref === undefined ? {} : { ref };
    for await (const event of this.orchestrator.events({ until: 'head', ...of })) found.push(event);
    return found;
  }

  async types(ref: string): Promise<readonly string[]> {
    return (await this.events(ref)).map(({ type }) => type);
  }
}
