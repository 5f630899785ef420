import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { say } from './output.ts';

/** `holdfast resume REF`: a task that is held goes on, of an alloc every one that is held. */
export async function resume(ref: string, options: { readonly dataDir?: string }): Promise<void> {
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  await orchestrator.resume(ref);
  say(`${ref} goes on. Follow it: holdfast events ${ref} -f`);
}
