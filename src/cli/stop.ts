import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { say } from './output.ts';

/** `holdfast stop REF`: comes back when everything has ended. */
export async function stop(ref: string, options: { readonly dataDir?: string }): Promise<void> {
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  const { alloc, state } = await orchestrator.stop(ref, { reason: 'stopped by the command' });
  say(`${ref.includes('/') ? ref : alloc} is stopped${ref.includes('/') ? '' : ` (${state})`}`);
}
