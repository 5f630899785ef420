/** Tasks that print a file and end, and what is read of them: for drills with strange surroundings. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Orchestrator } from '../../src/api.ts';
import { rawExec } from '../../src/drivers/raw-exec.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { ExecRig } from '../drivers/exec-rig.ts';
import { NumberedText } from './numbered-text.ts';

type TaskInput = GroupSpecInput['tasks'][number];

export const MIB = 2 ** 20;
/** For tasks and readers that may be stopped for ever. */
const PATIENCE_MS = 60_000;

/** With an agent in this process. */
export async function withRig(
  work: (agent: Orchestrator, dataDir: string) => Promise<void>,
  budgetBytes = 0,
): Promise<void> {
  const rig = new ExecRig([rawExec()], budgetBytes === 0 ? {} : { logs: { budgetBytes } });
  try {
    await work(await rig.orchestrator(), rig.dataDir);
  } finally {
    await rig.end();
  }
}

/** A file of so many mebibytes to print, which are not the same as other bytes of this drill. */
export function sourceIn(dir: string, mib: number): string {
  const path = join(dir, 'source');
  writeFileSync(path, new NumberedText().take(mib * MIB));
  return path;
}

export function printing(
  name: string,
  args: readonly string[],
  logs: TaskInput['logs'] = {},
): TaskInput {
  const restart = { attempts: 0, mode: 'fail' } as const;
  const config = { command: 'cat', args: [...args] };
  const policy = { maxFiles: 1_000, maxFileSizeMb: 1, compress: true, ...logs };
  return { name, driver: 'raw_exec', config, restart, logs: policy };
}

/** Throws when a task does not end by itself, and well. */
export async function ended(
  agent: Orchestrator,
  spec: GroupSpecInput,
  allocId: string,
): Promise<void> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const alloc = await agent.run(spec, { allocId, signal });
  const { tasks } = await alloc.wait({ signal });
  const wrong = tasks.filter(({ state }) => state !== 'complete');
  if (wrong.length === 0) return;
  throw new Error(wrong.map(({ task, state, reason }) => `${task} ${state}: ${reason}`).join('; '));
}

/** All that a task printed. Throws for what is missing, and when reading does not end. */
export async function outputOf(agent: Orchestrator, ref: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const signal = AbortSignal.timeout(PATIENCE_MS);
  for await (const { data, gap } of agent.logs(ref, { signal })) {
    // A file that somebody else put in the place of a compressed one cannot be read, and is told.
    if (gap !== undefined && gap.reason !== 'damaged')
      throw new Error(`a gap that is none: ${JSON.stringify(gap)}`);
    chunks.push(data);
  }
  if (signal.aborted) throw new Error('reading never ended');
  return Buffer.concat(chunks);
}
