import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Orchestrator, TaskView } from '../../src/api.ts';
import type { Driver } from '../../src/drivers/driver.ts';
import { exec } from '../../src/drivers/exec.ts';
import { rawExec } from '../../src/drivers/raw-exec.ts';
import { openOrchestrator, type OrchestratorOptions } from '../../src/orchestrator.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';

type TaskInput = GroupSpecInput['tasks'][number];

export interface Ran {
  readonly view: TaskView;
  readonly stdout: string;
  readonly stderr: string;
}

/** An agent in this process with the drivers that run processes, on a directory of its own. */
export class ExecRig {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'hf-exec-'));
  readonly #drivers: readonly Driver[];
  readonly #options: Omit<OrchestratorOptions, 'dataDir' | 'drivers' | 'safeMode'>;
  #open: Promise<Orchestrator> | undefined;
  #groups = 0;

  constructor(
    drivers: readonly Driver[] = [exec(), rawExec()],
    options: Omit<OrchestratorOptions, 'dataDir' | 'drivers' | 'safeMode'> = {},
  ) {
    // As an agent makes it: other users pass through.
    chmodSync(this.dataDir, 0o711);
    this.#options = options;
    this.#drivers = drivers;
  }

  orchestrator(): Promise<Orchestrator> {
    const { dataDir } = this;
    const drivers = this.#drivers;
    this.#open ??= openOrchestrator({ dataDir, drivers, safeMode: 'off', ...this.#options });
    return this.#open;
  }

  /** Runs `sh -c script` in a task to its end and gives what it said. */
  async ran(
    script: string,
    task: Partial<TaskInput> = {},
    group: Partial<GroupSpecInput> = {},
  ): Promise<Ran> {
    const orchestrator = await this.orchestrator();
    const alloc = await orchestrator.run(this.group(script, task, group));
    const { tasks } = await alloc.wait();
    const view = tasks[0];
    if (view === undefined) throw new Error('there is one task');
    const [stdout = '', stderr = ''] = await Promise.all(
      (['stdout', 'stderr'] as const).map(async (stream) => {
        const chunks: Uint8Array[] = [];
        for await (const { data } of alloc.task('main').logs({ stream })) chunks.push(data);
        return Buffer.concat(chunks).toString();
      }),
    );
    return { view, stdout, stderr };
  }

  /** A batch group of one task that is never started again. */
  group(
    script: string,
    task: Partial<TaskInput> = {},
    group: Partial<GroupSpecInput> = {},
  ): GroupSpecInput {
    this.#groups += 1;
    const { config, ...others } = task;
    return {
      name: `g${this.#groups}`,
      type: 'batch',
      restart: { attempts: 0, mode: 'fail' },
      tasks: [
        {
          name: 'main',
          driver: 'exec',
          ...others,
          config: { command: '/bin/sh', args: ['-c', script], ...config },
        },
      ],
      ...group,
    };
  }

  async close(): Promise<void> {
    await (await this.#open)?.close();
    this.#open = undefined;
  }

  async end(): Promise<void> {
    await this.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** Runs a command of the machine and gives what it said. */
export function sh(script: string): string {
  return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
}
