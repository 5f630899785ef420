import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { say } from './output.ts';

/** `holdfast restart REF`: one task, every running one of an alloc, or with `--all` the alloc anew. */
export async function restart(
  ref: string,
  options: { readonly dataDir?: string; readonly all?: boolean },
): Promise<void> {
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  await orchestrator.restart(ref, { tasks: options.all === true ? 'all' : 'running' });
  say(`${ref} is restarting. Follow it: holdfast events ${ref} -f`);
}
