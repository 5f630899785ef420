import { HoldfastError } from '../errors.ts';
import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { write } from './output.ts';
import type { Orchestrator } from '../api.ts';

export interface LogsOptions {
  readonly dataDir?: string;
  readonly follow?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
}

/** `holdfast logs REF`: the task's stdout on stdout, its stderr on stderr, byte for byte. */
export async function logs(ref: string, options: LogsOptions): Promise<void> {
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  const task = await oneTask(orchestrator, ref);
  const isBoth = options.stdout === options.stderr;
  const stream = isBoth ? 'both' : options.stdout === true ? 'stdout' : 'stderr';
  for await (const chunk of orchestrator.logs(task, { stream, follow: options.follow ?? false })) {
    await write(chunk.data, chunk.stream === 'stderr' ? process.stderr : process.stdout);
  }
}

/** The alloc is enough where it has one task. Throws AMBIGUOUS with the tasks, NOT_FOUND. */
async function oneTask(orchestrator: Orchestrator, ref: string): Promise<string> {
  if (ref.includes('/')) return ref;
  const { alloc, allocId, tasks } = await orchestrator.inspect(ref);
  const [first] = tasks;
  if (first !== undefined && tasks.length === 1) return `${allocId}/${first.task}`;
  const names = tasks.map(({ task }) => `${ref}/${task}`);
  throw new HoldfastError(
    'AMBIGUOUS',
    `${alloc} has ${tasks.length} tasks, name one of them: ${names.join(', ')}`,
  );
}
