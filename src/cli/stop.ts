import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { say } from './output.ts';

/** `holdfast stop REF`: comes back when everything has ended. */
export async function stop(
  ref: string,
  options: { readonly dataDir?: string; readonly shutdownDelay: boolean },
): Promise<void> {
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  const shutdownDelay = options.shutdownDelay ? 'keep' : 'skip';
  const reason = 'stopped by the command';
  const { alloc, state } = await orchestrator.stop(ref, { reason, shutdownDelay });
  const isTask = ref.includes('/');
  // An alloc that had ended before the command came keeps the end it had.
  say(
    isTask || state === 'stopped' ? `${isTask ? ref : alloc} is stopped` : `${alloc} is ${state}`,
  );
}
