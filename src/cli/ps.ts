import type { PortView, TaskView } from '../api.ts';
import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { heldLines, waitingLines, withHolds } from './held-starts.ts';
import { say, write } from './output.ts';
import { taskTable } from './task-table.ts';

export interface PsOptions {
  readonly dataDir?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** `holdfast ps`: one line a task, or one JSON array of tasks. */
export async function ps(options: PsOptions): Promise<void> {
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  const allocs = await orchestrator.allocs({ all: options.all ?? false });
  const tasks = allocs.flatMap((alloc) => alloc.tasks);
  const ports = new Map(allocs.map((alloc) => [alloc.allocId, alloc.ports]));
  const portsOf = ({ allocId }: TaskView): readonly PortView[] => ports.get(allocId) ?? [];
  const agent = await orchestrator.agent();
  const held = tasks.map((task) => withHolds(task, agent));
  if (options.json === true) {
    const shown = held.map((task) => ({ ...task, ports: portsOf(task) }));
    return write(`${JSON.stringify(shown, null, 2)}\n`);
  }
  for (const line of [...heldLines(agent, held), ...waitingLines(agent)]) say(line);
  if (tasks.length > 0) return write(taskTable(tasks, Date.now(), portsOf));
  const more = options.all === true ? '' : '. Finished tasks: holdfast ps -a';
  say(`nothing runs here${more}`);
}
