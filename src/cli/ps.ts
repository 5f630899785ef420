import type { Orchestrator } from '../api.ts';
import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { say, write } from './output.ts';
import { taskTable } from './task-table.ts';

export interface PsOptions {
  readonly dataDir?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

const HELD: Readonly<Record<string, string>> = {
  'boot-sweep': 'the agent still looks at what an earlier one left',
  'disk-low': 'the disk is nearly full',
  'safe-mode': 'agents died too often here, and this one starts nothing for a minute',
};

/** Why what is listed as pending does not begin. */
async function sayHeld(orchestrator: Orchestrator): Promise<void> {
  const { startsHeld } = await orchestrator.agent();
  for (const hold of startsHeld) say(`starts wait: ${HELD[hold] ?? hold}`);
}

/** `holdfast ps`: one line a task, or one JSON array of TaskViews. */
export async function ps(options: PsOptions): Promise<void> {
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  const allocs = await orchestrator.allocs({ all: options.all ?? false });
  const tasks = allocs.flatMap((alloc) => alloc.tasks);
  if (options.json === true) return write(`${JSON.stringify(tasks, null, 2)}\n`);
  await sayHeld(orchestrator);
  if (tasks.length > 0) return write(taskTable(tasks, Date.now()));
  const more = options.all === true ? '' : '. Finished tasks: holdfast ps -a';
  say(`nothing runs here${more}`);
}
