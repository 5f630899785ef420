import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { say } from './output.ts';

/** `holdfast restart REF`: one task, or every task of an alloc. */
export async function restart(ref: string, options: { readonly dataDir?: string }): Promise<void> {
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  await orchestrator.restart(ref);
  say(`${ref} is restarting. Follow it: holdfast events ${ref} -f`);
}
